# The guest's first process, or a service of its systemd: the kernel's file systems and modules,
# then what $GUEST does.
# /run is a tmpfs of the guest's own, and /run/vm the run's folder on the host; run.env tells where
# the rest lies. A step that fails is told in run.log, and the boot goes on.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/run TMPDIR=/run LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
cd /run/vm
exec >run.log 2>&1
set -a
. ./run.env
set +a

if [ $$ = 1 ]; then
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t debugfs debugfs /sys/kernel/debug
    mount -t securityfs securityfs /sys/kernel/security
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
# The root cgroup has this controller's files once it is handed on.
echo +misc >/sys/fs/cgroup/cgroup.subtree_control

for name in msr cpuid irqbypass kvm; do
    insmod "modules/$name.ko"
done
insmod modules/kvm-intel.ko $KVM_INTEL
for name in tdx-host vsock vsock_diag; do
    [ ! -e "modules/$name.ko" ] || insmod "modules/$name.ko"
done
[ ! -e helper.ko ] || insmod helper.ko
# A read of this number tells the emulator that the kernel is up.
dd if=/dev/cpu/0/msr of=/dev/null bs=8 count=1 iflag=skip_bytes skip="$DONE" status=none

case "$LATER" in
update)
    upload=/sys/class/firmware/tdx_module
    echo 1 >$upload/loading
    cat update.blob >$upload/data
    echo 0 >$upload/loading
    until [ "$(cat $upload/status)" = idle ]; do sleep 0.1; done
    ;;
cpu-online)
    echo 1 >"/sys/devices/system/cpu/cpu$LAST_CPU/online"
    ;;
esac

[ ! -e collect.sh ] || sh collect.sh >collected.tar
(cd "$CHECKOUT" && "$PYTHON" -m $GUEST)
dmesg >dmesg
# A read of this number ends the machine from outside, where an MSR can be read.
dd if=/dev/cpu/0/msr of=/dev/null bs=8 count=1 iflag=skip_bytes skip="$END" status=none
echo o >/proc/sysrq-trigger
while :; do sleep 60; done
