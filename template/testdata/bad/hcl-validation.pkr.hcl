source "qemu" "a" {
  iso_url      = "a.iso"
  iso_checksum = "none"
  headless     = true
  ssh_username = "root"
}

build {
  sources = ["source.qemu.a"]
}

variable "size" {
  default = 1
  validation {
    condition     = var.size > 10
    error_message = "Give more than 10."
  }
}
