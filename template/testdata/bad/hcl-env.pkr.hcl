source "qemu" "a" {
  iso_url      = "a.iso"
  iso_checksum = "none"
  headless     = true
  ssh_username = "root"
  vm_name = env("HOME")
}

build {
  sources = ["source.qemu.a"]
}
