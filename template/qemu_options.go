package template

// qemuOptions is the table of the builder qemu, in the order of its
// documentation here: docs/packer.md.
var qemuOptions = joined(
	mediaOptions, diskOptions, machineOptions, networkOptions, httpOptions, seedOptions,
	typingOptions, sshOptions, winrmOptions, endOptions, oldOptions, ownOptions)

func joined(tables ...[]option) []option {
	var all []option
	for _, t := range tables {
		all = append(all, t...)
	}
	return all
}

var mediaOptions = []option{
	{name: "iso_url", def: "required", here: "git, hg, smb, s3 and gcs addresses are errors: paths, file, http and https are understood; what is compressed by gzip, bzip2, xz or zstd is unpacked once, into the cache, and not for each build; so is the one file of a zip or tar archive", status: differs},
	{name: "iso_urls", kind: isList, def: "none", here: "the next one is tried, and a download that broke off goes on there", status: differs},
	{name: "iso_checksum", def: "required", here: "sha224 and sha384 too; a checksum file is read when the medium is fetched, and not by validate; its last line needs no newline", status: differs},
	{name: "iso_target_path", def: "cache", status: noEffect, here: "media are in a cache by their content, and used there"},
	{name: "iso_target_extension", def: "iso", status: noEffect, here: "the cache needs no extensions"},
	{name: "iso_skip_cache", kind: isBool, def: "false", status: noEffect, here: "the medium is fetched once, and its checksum holds"},
}

var diskOptions = []option{
	{name: "disk_size", def: "40960M", status: differs, here: "from 1 MiB to 64 TiB, and a multiple of 512 bytes"},
	{name: "disk_additional_size", kind: isList, def: "none", status: differs, here: "a bare number is MiB as in disk_size; these disks are compacted and compressed as the first is"},
	{name: "disk_image", kind: isBool, def: "false", status: differs, here: "the image is not copied: the machine's disk is laid over it, and what is published has all of it; its format is told by its content; one that is larger than disk_size keeps its size"},
	{name: "use_backing_file", kind: isBool, def: "false", status: differs, here: "the image below may have any format that qemu-img reads; the overlay is compacted and compressed like every image, and names the file that was given, or that in the cache"},
	{name: "skip_resize_disk", kind: isBool, def: "false"},
	{name: "format", def: "qcow2", status: differs, here: "vmdk, vdi, vhdx and vpc too"},
	{name: "disk_interface", def: "virtio", status: differs, here: "sata works; nvme and usb too; scsi is one virtio-scsi controller, since machines of today have no older one; ide is SATA on q35; sd is a card in a PCI controller, whose size must be a power of two"},
	{name: "disk_cache", def: "writeback", status: noEffect, here: "the disk of a build under way is not synced; the image is, before it has its name"},
	{name: "disk_discard", def: "ignore", status: noEffect, here: "always unmap: what the guest trims takes no room"},
	{name: "disk_detect_zeroes", def: "off", status: noEffect, here: "always unmap"},
	{name: "skip_compaction", kind: isBool, def: "false", status: differs, here: "the image is always written anew, whole, before it has its name; with this it is written with the create arguments of qemu_img_args"},
	{name: "disk_compression", kind: isBool, def: "false"},
	{name: "qemu_img_args", kind: isWords, def: "none", status: differs, here: "create is for the disk that the machine runs with, and for the image where Packer would not convert that, which is with skip_compaction, with use_backing_file and in raw; convert is for the image, resize for a disk_image that grows; what another option says is an error; they hold for further disks too"},
	{name: "cdrom_interface", def: "unset", status: differs, here: "unset: the machine's own, which is ide on pc, sata on q35, virtio-scsi elsewhere; sata and usb too; scsi is virtio-scsi; ide is SATA on q35; virtio is a read-only disk, beside a virtio disk as well, from which hybrid media boot"},
	{name: "vm_name", def: "packer-BUILD", here: "QEMU is told it with dashes in place of odd characters", status: differs},
	{name: "output_directory", def: "output-BUILD", here: "made at the start, and removed after a failure only if it was made here; -force replaces the files that are made again, and deletes nothing else", status: differs},
}

var machineOptions = []option{
	{name: "qemu_binary", def: "qemu-system-x86_64"},
	{name: "machine_type", def: "pc", status: differs, here: "q35 where EFI is asked for, virt for other architectures"},
	{name: "accelerator", def: "kvm if /dev/kvm opens, else tcg", status: differs, here: "the fastest that runs a test guest; hvf is found too; none is tcg; hax and xen are errors"},
	{name: "cpu_model", def: "QEMU's, qemu64", status: differs, here: "host, or max with tcg: qemu64 is too old for systems of today"},
	{name: "cpus", kind: isInt, def: "1"},
	{name: "sockets", kind: isInt, def: "unset"},
	{name: "cores", kind: isInt, def: "unset"},
	{name: "threads", kind: isInt, def: "unset"},
	{name: "memory", kind: isInt, def: "512", status: differs, here: "less than 16 MiB is an error and not 512"},
	{name: "net_device", def: "virtio-net"},
	{name: "net_bridge", def: "unset", status: differs, here: "ssh_port and winrm_port count, and each machine has a hardware address of its own; the guest is found by it on this host, which must be Linux, once it has spoken to it, and files are served at the bridge's address"},
	{name: "firmware", def: "unset"},
	{name: "use_pflash", kind: isBool, def: "false"},
	{name: "efi_boot", kind: isBool, def: "false"},
	{name: "efi_firmware_code", def: "/usr/share/OVMF/OVMF_CODE.fd", status: differs, here: "unset: found by the descriptor files that distributions ship, raw or qcow2"},
	{name: "efi_firmware_vars", def: "/usr/share/OVMF/OVMF_VARS.fd", status: differs, here: "as efi_firmware_code"},
	{name: "efi_drop_efivars", kind: isBool, def: "false", status: differs, here: "efivars.fd is then not made at all"},
	{name: "vtpm", kind: isBool, def: "false", status: differs, here: "swtpm is looked for before the build begins, its death is an error of the build, and it never outlives it"},
	{name: "use_tpm1", kind: isBool, def: "false"},
	{name: "tpm_device_type", def: "tpm-tis", status: differs, here: "unset: tpm-tis-device on the machine virt"},
	{name: "headless", kind: isBool, def: "false", status: differs, here: "without a display to open a window on there is a live page instead, of which the program of the examples says where"},
	{name: "display", def: "gtk"},
	{name: "use_default_display", kind: isBool, def: "false", status: differs, here: "no window: QEMU's default differs between systems"},
	{name: "vga", def: "QEMU's"},
	{name: "qmp_enable", kind: isBool, def: "false", status: differs, here: "QMP is always used, on a socket without a name; this makes one for other programs, at qmp_socket_path"},
	{name: "qmp_socket_path", def: "OUTPUT/VM_NAME.monitor", status: differs, here: "a path that is taken or too long is an error before the build begins"},
	{name: "qemuargs", kind: isLists, def: "none", late: true, status: differs, here: "edits of the command line in order; what restates the machine's own network, memory, processor, display or firmware becomes the option for it; an edit that would take away the machine's disk, medium or control is an error, and so is {{ .SSHHostPort }} anywhere but in the machine's own forward"},
	{name: "run_once", kind: isBool, def: "none", status: noEffect, here: "dead in Packer too"},
}

var networkOptions = []option{
	{name: "host_port_min", kind: isInt, def: "2222", status: differs, here: "QEMU binds the port itself, on 127.0.0.1: the first of the range that is free; unset: any that is free"},
	{name: "host_port_max", kind: isInt, def: "4444", status: differs, here: "inclusive; see host_port_min"},
	{name: "skip_nat_mapping", kind: isBool, def: "false"},
	{name: "vnc_port_min", kind: isInt, def: "5900", status: differs, here: "unset: nothing listens; set: the first port of the range that is free, on 127.0.0.1, is open to viewers"},
	{name: "vnc_port_max", kind: isInt, def: "6000", status: differs, here: "inclusive; see vnc_port_min"},
	{name: "http_port_min", kind: isInt, def: "8000", status: differs, here: "unset: a free port, which {{ .HTTPPort }} names; set: the first of the range that is free"},
	{name: "http_port_max", kind: isInt, def: "9000", status: differs, here: "inclusive; see http_port_min"},
}

var httpOptions = []option{
	{name: "http_directory", def: "unset", status: differs, here: "every request is an event; no listings; symbolic links cannot lead out of it"},
	{name: "http_content", kind: isMap, def: "none", late: true, status: differs, here: "sees the variables of boot_command"},
	{name: "http_bind_address", def: "0.0.0.0", status: differs, here: "unset: 127.0.0.1, which QEMU's user network sees as 10.0.2.2, or the bridge's address; with tcp6 ::1, seen as fec0::2"},
	{name: "http_interface", def: "unset", status: differs, here: "unused by Packer's qemu; here the interface whose address is listened on, and {{ .HTTPIP }} is that"},
	{name: "http_network_protocol", def: "tcp", status: differs, here: "unix and unixpacket are errors: no guest can reach them"},
}

var seedOptions = []option{
	{name: "cd_files", kind: isList, def: "none", status: differs, here: "written without any external program"},
	{name: "cd_content", kind: isMap, def: "none"},
	{name: "cd_label", def: "packer"},
	{name: "floppy_files", kind: isList, def: "none"},
	{name: "floppy_dirs", kind: isList, def: "none"},
	{name: "floppy_content", kind: isMap, def: "none"},
	{name: "floppy_label", def: "packer"},
}

var typingOptions = []option{
	{name: "boot_command", kind: isList, def: "none", late: true, status: differs, here: "waits for facts too, such as <wait \"boot:\">; unknown tokens are typed, with a warning; line ends are dropped, with a warning; held keys are released; a string alone is not split at commas"},
	{name: "boot_steps", kind: isLists, def: "none", late: true, status: differs, here: "checked before the build begins"},
	{name: "boot_wait", kind: isDuration, def: "10s", here: "-eager goes on earlier when the screen stands still", status: differs},
	{name: "boot_key_interval", kind: isDuration, def: "100ms", status: differs, here: "unset: as fast as the guest takes keys, which is seen in the machine; set: a fixed pause"},
	{name: "boot_keygroup_interval", kind: isDuration, def: "none", status: noEffect, here: "unused by Packer's qemu as well"},
	{name: "disable_vnc", kind: isBool, def: "false", status: differs, here: "as nothing listens in any case, it only forbids boot_command"},
	{name: "vnc_bind_address", def: "127.0.0.1", status: differs, here: "loopback only, with a warning; tunnel to it by SSH"},
	{name: "vnc_use_password", kind: isBool, def: "false", status: differs, here: "no port is opened then, as none has a password"},
	{name: "vnc_password", def: "random", status: noEffect, here: "see vnc_use_password"},
}

var sshOptions = []option{
	{name: "communicator", def: "ssh"},
	{name: "pause_before_connecting", kind: isDuration, def: "0"},
	{name: "ssh_host", def: "the forwarded port"},
	{name: "ssh_port", kind: isInt, def: "22", status: differs, here: "in bridge mode too"},
	{name: "ssh_username", def: "required"},
	{name: "ssh_password", def: "none"},
	{name: "ssh_private_key_file", def: "none"},
	{name: "ssh_certificate_file", def: "none"},
	{name: "ssh_keypair_name", def: "none", status: noEffect, here: "for clouds"},
	{name: "temporary_key_pair_name", def: "random", status: noEffect, here: "for clouds"},
	{name: "temporary_key_pair_type", def: "rsa", status: differs, here: "always ed25519, and made only where no password or key is given"},
	{name: "temporary_key_pair_bits", kind: isInt, def: "4096", status: noEffect, here: "see temporary_key_pair_type"},
	{name: "ssh_clear_authorized_keys", kind: isBool, def: "false", status: differs, here: "the temporary key is always removed from the guest"},
	{name: "ssh_ciphers", kind: isList, def: "Go's", status: differs, here: "unknown names are errors, and insecure ones come with a warning"},
	{name: "ssh_key_exchange_algorithms", kind: isList, def: "Go's", status: differs, here: "see ssh_ciphers"},
	{name: "ssh_pty", kind: isBool, def: "false"},
	{name: "ssh_timeout", kind: isDuration, def: "5m", status: differs, here: "the error says what was met while waiting"},
	{name: "ssh_handshake_attempts", kind: isInt, def: "10", status: differs, here: "refused logins in a row; without ssh_timeout it takes away its limit, as in Packer"},
	{name: "ssh_agent_auth", kind: isBool, def: "false"},
	{name: "ssh_disable_agent_forwarding", kind: isBool, def: "false", status: noEffect, here: "the agent is never forwarded"},
	{name: "ssh_bastion_host", def: "none"},
	{name: "ssh_bastion_port", kind: isInt, def: "22"},
	{name: "ssh_bastion_username", def: "none"},
	{name: "ssh_bastion_password", def: "none"},
	{name: "ssh_bastion_interactive", kind: isBool, def: "false", status: noEffect, here: "a password answers keyboard-interactive too"},
	{name: "ssh_bastion_agent_auth", kind: isBool, def: "false"},
	{name: "ssh_bastion_private_key_file", def: "ssh_private_key_file"},
	{name: "ssh_bastion_certificate_file", def: "none"},
	{name: "ssh_proxy_host", def: "none"},
	{name: "ssh_proxy_port", kind: isInt, def: "1080"},
	{name: "ssh_proxy_username", def: "none"},
	{name: "ssh_proxy_password", def: "none"},
	{name: "ssh_file_transfer_method", def: "scp", status: noEffect, here: "always SFTP, and cat where the guest has none"},
	{name: "ssh_keep_alive_interval", kind: isDuration, def: "5s", status: differs, here: "unset: 15s"},
	{name: "ssh_read_write_timeout", kind: isDuration, def: "off", status: differs, here: "a command that prints nothing for so long is ended"},
	{name: "ssh_local_tunnels", kind: isList, def: "none", status: differs, here: "address:port:host:hostport too; they come back after a reboot; one that cannot be opened is an error"},
	{name: "ssh_remote_tunnels", kind: isList, def: "none", status: differs, here: "see ssh_local_tunnels"},
	{name: "ssh_public_key", def: "none", status: noEffect, here: "internal to Packer"},
	{name: "ssh_private_key", def: "none"},
}

var winrmOptions = []option{
	{name: "winrm_username", def: "required"},
	{name: "winrm_password", def: "none", status: differs, here: "required: Windows lets nobody in without one"},
	{name: "winrm_host", def: "the forwarded port"},
	{name: "winrm_port", kind: isInt, def: "5985, 5986 with SSL", status: differs, here: "in bridge mode too"},
	{name: "winrm_timeout", kind: isDuration, def: "30m", status: differs, here: "the error says what was met while waiting; in bridge mode too"},
	{name: "winrm_use_ssl", kind: isBool, def: "false"},
	{name: "winrm_insecure", kind: isBool, def: "false", status: differs, here: "without it the certificate must be for winrm_host, or for 127.0.0.1 where the port is forwarded"},
	{name: "winrm_no_proxy", kind: isBool, def: "false", status: differs, here: "the environment's proxy is only asked for with winrm_host, since a forwarded port or a bridge is on this host; the environment is not changed"},
	{name: "winrm_use_ntlm", kind: isBool, def: "false", status: differs, here: "over HTTP what is sent is encrypted too, which Windows wants unless AllowUnencrypted is set in it"},
}

var endOptions = []option{
	{name: "shutdown_command", def: "none: QEMU is killed", status: differs, here: "unset: the power button, by ACPI, and the guest must obey"},
	{name: "shutdown_timeout", kind: isDuration, def: "5m"},
}

var oldOptions = []option{
	{name: "ssh_host_port_min", kind: isInt, status: renamed, to: "host_port_min"},
	{name: "ssh_host_port_max", kind: isInt, status: renamed, to: "host_port_max"},
	{name: "ssh_wait_timeout", kind: isDuration, status: renamed, to: "ssh_timeout"},
	{name: "iso_checksum_type", status: renamed, here: "put before the checksum, as in sha256:…"},
	{name: "iso_checksum_url", status: renamed, here: "iso_checksum with file: before it"},
	{name: "iso_md5", status: renamed, here: "iso_checksum with md5: before it"},
	{name: "ssh_key_path", status: renamed, to: "ssh_private_key_file"},
	{name: "ssh_disable_agent", kind: isBool, status: renamed, to: "ssh_disable_agent_forwarding"},
}

var ownOptions = []option{
	{name: "keyboard_layout", def: "us", status: ours, here: "the layout that the guest has while boot_command is typed: us, uk, de, fr, es, it, pt-br, se, ch, be, jp, dvorak"},
	{name: "boot_serial", kind: isList, def: "none", late: true, status: ours, here: "a boot command that is typed on the serial port, after boot_command; its waits are for what the guest writes there"},
	{name: "kernel", def: "none", status: ours, here: "a kernel that is started directly, after each reset too; iso_url may then be missing"},
	{name: "initrd", def: "none", status: ours, here: "its initial file system"},
	{name: "kernel_args", def: "none", late: true, status: ours, here: "its command line, with the variables of boot_command"},
	{name: "shares", kind: isMap, def: "none", status: ours, here: "directories of the host by tags, which the guest can read after mount -t 9p -o trans=virtio TAG /mnt"},
	{name: "additional_isos", kind: isLists, def: "none", status: ours, here: "further discs, such as virtio-win.iso: a list of lists of an address and a checksum, as in iso_url and iso_checksum"},
	{name: "virtiofs_shares", kind: isMap, def: "none", status: ours, here: "as shares, and the guest can change what is in them, after mount -t virtiofs TAG /mnt; needs virtiofsd, and mostly root, on a host with Linux"},
	{name: "tpm_state", kind: isBool, def: "false", status: ours, here: "what the TPM remembers is kept beside the image, as tpm2-00.permall, or tpm-00.permall with use_tpm1, which is what swtpm looks for"},
	{name: "efi_secure_boot", kind: isBool, def: "false", status: ours, here: "looks for a firmware with Secure Boot and enrolled keys"},
}
