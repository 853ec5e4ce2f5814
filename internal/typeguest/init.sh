#!/bin/sh
# The only process of a Linux guest. What is typed on the first console, in raw
# mode and with echo, goes to a file; commands come by the first serial port.
# keyboard=NAME on the kernel's command line is the device that is waited for.
# With shell=serial the first serial port has a shell instead, whose echo is that
# of a terminal. Where there is a file /program, that is the only process, with a
# network card by virtio.
export PATH=/bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys

# Which driver needs which differs between kernels, so each has two tries.
load() {
	for driver in $(cat /drivers/list /drivers/list); do
		insmod "/drivers/$driver.ko" 2>/dev/null
	done
}

case " $(cat /proc/cmdline) " in *" shell=serial "*)
	export PS1='typeguest# '
	load
	stty -F /dev/ttyS0 cols 500 rows 50 # no line of a test is wrapped
	while :; do setsid -c sh -i </dev/ttyS0 >/dev/ttyS0 2>&1; done
	;;
esac

if [ -x /program ]; then
	load
	ifconfig lo 127.0.0.1 up
	ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
	exec /program </dev/ttyS0 >/dev/ttyS0 2>&1
fi

keyboard=
for word in $(cat /proc/cmdline); do
	case $word in keyboard=*) keyboard=${word#keyboard=} ;; esac
done
case $keyboard in
virtio | usb)
	load
	name='QEMU.*[Kk]eyboard'
	;;
*) name='AT.*keyboard' ;;
esac
until grep -q "Name=.*$name" /proc/bus/input/devices; do sleep 0.1; done

stty -F /dev/ttyS0 raw -echo
stty -F /dev/tty1 raw echo
setsid cat </dev/tty1 >>/typed &

exec </dev/ttyS0 >/dev/ttyS0 2>&1
echo "typeguest: ready"
while read -r command; do
	case $command in
	dump)
		echo "typeguest: begin $(stat -c %s /typed)"
		cat /typed
		;;
	clear) : >/typed ;;
	esac
done
