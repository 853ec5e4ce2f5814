source "qemu" "a" {
  iso_url      = "a.iso"
  iso_checksum = "none"
  headless     = true
  ssh_username = "root"
  memory = 
}

build {
  sources = ["source.qemu.a"]
}
