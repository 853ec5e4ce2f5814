source "qemu" "a" {
  iso_url      = "a.iso"
  iso_checksum = "none"
  headless     = true
  ssh_username = "root"
  disk_sise = "20G"
}

build {
  sources = ["source.qemu.a"]
}
