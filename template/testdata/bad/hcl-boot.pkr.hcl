source "qemu" "a" {
  iso_url      = "a.iso"
  iso_checksum = "none"
  headless     = true
  ssh_username = "root"
  boot_command = [
    "<esc>",
    "{{ .HTTPHost }}<wait0s>",
  ]
}

build {
  sources = ["source.qemu.a"]
}
