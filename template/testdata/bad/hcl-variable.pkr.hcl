source "qemu" "a" {
  iso_url      = "a.iso"
  iso_checksum = "none"
  headless     = true
  ssh_username = "root"
  disk_size = var.disksize
}

build {
  sources = ["source.qemu.a"]
}

variable "disk_size" {
  default = "20G"
}
