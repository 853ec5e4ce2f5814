build {
  sources = ["source.qemu.debain"]
}

source "qemu" "debian" {
  iso_url = "a.iso"
}
