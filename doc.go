// Package bootscribe names a module of packages that build virtual machine
// images from installation media: fetch an ISO, make a disk, serve an answer
// file, boot QEMU, type the boot command, wait for SSH, provision, shut down
// and publish the image.
//
// Package bootscribe itself is empty. Reach for:
//
//   - imagebuild to run a whole build
//   - view to look at a build while it runs, and to report it afterwards
//   - keyseq to parse, check and play boot commands
//   - vnc to see a machine's screen and press its keys
//   - screen to read what a machine's screen says
//   - detect to name what goes wrong in a guest, from its console, screen and events
//   - qemu, qemu/qmp and qemu/qemuimg to run one machine and handle its disks
//   - iso to fetch and verify installation media and to write seed CDs
//   - httpserve to give files to the guest and to see what it asked for
//   - ssh to reach a guest that is still booting
//   - winrm to reach one with Windows
//   - vnc/vnctest, qemu/qmp/qmptest, ssh/sshtest and winrm/winrmtest for servers to test against
package bootscribe
