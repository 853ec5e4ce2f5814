packer {
  required_version = ">= 1.7.0"
  required_plugins {
    qemu = {
      version = "~> 1"
      source  = "github.com/hashicorp/qemu"
    }
  }
}

variable "disk_size" {
  type    = string
  default = "20G"
  validation {
    condition     = can(regex("^[0-9]+G$", var.disk_size))
    error_message = "Give the size in gigabytes, such as 20G."
  }
}

variable "password" {
  type      = string
  sensitive = true
}

variable "packages" {
  type    = list(string)
  default = ["nginx"]
}

locals {
  name  = "${local.base}-${formatdate("YYYY", "2026-11-23T00:00:00Z")}"
  base  = "debian"
  shell = "echo '${var.password}' | sudo -S sh '{{ .Path }}'"
}

source "qemu" "debian" {
  iso_url          = "https://example.org/debian.iso"
  iso_checksum     = "file:https://example.org/SHA512SUMS"
  headless         = true
  disk_size        = var.disk_size
  ssh_username     = "root"
  ssh_password     = var.password
  ssh_timeout      = "20m"
  shutdown_command = "poweroff"
  http_content = {
    "/preseed.cfg" = templatefile("preseed.cfg.tmpl", { password = var.password })
  }
  boot_wait = "3s"
  boot_command = [
    "<esc><wait>",
    "auto url=http://{{ .HTTPIP }}:{{ .HTTPPort }}/preseed.cfg hostname=${local.base}<enter>",
  ]
}

build {
  name = "web"
  sources = ["source.qemu.debian"]

  source "qemu.debian" {
    name             = "big"
    memory           = 2048
    output_directory = "big"
  }

  provisioner "shell" {
    execute_command = local.shell
    inline = [for p in var.packages : "apt-get install -y ${p}"]
  }

  provisioner "shell-local" {
    only   = ["qemu.debian"]
    except = null
    inline = ["echo ${source.name} ${build.Host}"]
  }

  post-processor "checksum" {
    checksum_types = ["sha256"]
  }

  post-processors {
    post-processor "manifest" {}
    post-processor "shell-local" {
      inline = ["true"]
    }
  }
}
