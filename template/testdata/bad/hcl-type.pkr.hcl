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
  type    = number
  default = "large"
}
