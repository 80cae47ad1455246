# Completion of tdxinfo. Made by `python -m tests.artifacts`; it starts no program.

set -g __tdxinfo_paths 'tdxinfo dump' 'tdxinfo check' 'tdxinfo explain' 'tdxinfo capture' 'tdxinfo diff' 'tdxinfo fleet' 'tdxinfo helper' 'tdxinfo helper status' 'tdxinfo helper build' 'tdxinfo helper load' 'tdxinfo helper unload' 'tdxinfo helper dkms' 'tdxinfo schema'
set -g __tdxinfo_valued --from --vmlinux --format --color --only --skip --group --policy --output --expires --ignore --directory --headers

# Whether the line has come to this command, and if a number is given to this argument.
function __tdxinfo_at
    set -l path tdxinfo
    set -l position 1
    set -l is_value no
    set -l words (commandline -opc)
    for word in $words[2..]
        if test $is_value = yes
            set is_value no
        else if contains -- $word $__tdxinfo_valued
            set is_value yes
        else if string match -q -- '-*' $word
            continue
        else if contains -- "$path $word" $__tdxinfo_paths
            set path "$path $word"
        else
            set position (math $position + 1)
        end
    end
    test "$path" = $argv[1]; or return 1
    test (count $argv) -eq 1; or test $position = $argv[2]
end

function __tdxinfo_offer_tdxinfo_source
    printf '%s\t%s\n' \
        'example:emr-five-cmrs' 'A recorded host' \
        'example:linux-6.17-emulated' 'A recorded host' \
        'example:linux-7.3-emulated' 'A recorded host' \
        'example:module-never-loaded' 'A recorded host' \
        'example:mvp-features' 'A recorded host' \
        'example:no-rbp-mod-refused' 'A recorded host'
end

function __tdxinfo_offer_tdxinfo_format
    printf '%s\t%s\n' \
        'table' '' \
        'json' '' \
        'prometheus' '' \
        'nfd' '' \
        'junit' '' \
        'markdown' ''
end

function __tdxinfo_offer_tdxinfo_color
    printf '%s\t%s\n' \
        'auto' '' \
        'always' '' \
        'never' ''
end

function __tdxinfo_offer_dump_facts
    printf '%s\t%s\n' \
        'platform' 'The processor, the machine around it, and whether it is a machine at all' \
        'platform.vendor' 'The processor\'s vendor, as CPUID spells it: GenuineIntel or AuthenticAMD' \
        'platform.family' 'The processor\'s family' \
        'platform.model' 'The processor\'s model within its family' \
        'platform.stepping' 'The processor\'s stepping' \
        'platform.model_name' 'The processor\'s name as sold' \
        'platform.codename' 'The processor\'s generation, from its family and model' \
        'platform.cpus' 'Logical CPUs that are online' \
        'platform.cpus_present' 'Logical CPUs that are there, online or not' \
        'platform.package_offline' 'A TD was not made since a package had no CPU online' \
        'platform.packages' 'Processor packages with an online CPU' \
        'platform.physical_address_bits' 'Width of a physical address, already less the bits that carry KeyIDs' \
        'platform.instructions' 'Of the instructions that TDX needs (vmx, movdir64b, ss, xsave) those that are there' \
        'platform.errata' 'Processor errata that concern TDX, by the kernel\'s names' \
        'platform.virtualization' 'none on bare metal, vm in a virtual machine, td-guest in a trust domain' \
        'platform.memory_slots' 'Slots for memory modules' \
        'platform.memory_modules' 'Memory modules (DIMMs) in the slots' \
        'platform.system_vendor' 'Who made the machine' \
        'platform.system_product' 'The machine\'s model' \
        'platform.system' 'Maker and model in one' \
        'firmware' 'What the firmware set up: memory encryption, the SEAM range, SGX' \
        'firmware.vendor' 'Who made the firmware' \
        'firmware.version' 'The firmware\'s version' \
        'firmware.date' 'The firmware\'s date, as it spells it' \
        'firmware.tme_enabled' 'Total Memory Encryption is on' \
        'firmware.tme_locked' 'Memory encryption can no longer be changed until reset' \
        'firmware.tme_bypass' 'Memory of KeyID 0 is left unencrypted, for speed' \
        'firmware.keyid_bits' 'Physical address bits that carry KeyIDs' \
        'firmware.seamrr_supported' 'The processor has SEAM range registers: without them it has no TDX' \
        'firmware.seamrr_configured' 'The firmware chose the memory that the TDX module lives in' \
        'firmware.seamrr_enabled' 'The SEAM range is in force: the firmware enabled TDX' \
        'firmware.seamrr_locked' 'The SEAM range can no longer be changed until reset' \
        'firmware.sgx_enabled' 'SGX is on; TDX attestation needs it' \
        'firmware.mcheck_status' 'What MCHECK, the microcode\'s check of the platform, ended with; 0 when all is well' \
        'firmware.preproduction' 'The processor is a pre-production part' \
        'keys' 'KeyIDs: how many there are, who has them, how many are in use' \
        'keys.max_keyids' 'KeyIDs the processor has at most; this says nothing of how they are split' \
        'keys.mktme_keyids' 'KeyIDs that are not private to TDX, without KeyID 0' \
        'keys.tdx_keyids' 'KeyIDs only TDX may use: the module\'s own and one for each TD' \
        'keys.first_tdx_keyid' 'The first private KeyID, which the TDX module uses itself' \
        'keys.guest_keyids' 'TDs that can run at once' \
        'keys.guest_keyids_in_use' 'KeyIDs of TDs that run now' \
        'keys.guest_keyids_peak' 'The most KeyIDs that were in use at once' \
        'keys.leaked' 'KeyIDs that KVM gave up since the module did not release them' \
        'seamldr' 'The P-SEAMLDR, which installs and updates the TDX module' \
        'seamldr.version' 'Version of the P-SEAMLDR' \
        'seamldr.build_number' 'Build number of the P-SEAMLDR' \
        'seamldr.build_date' 'Day the P-SEAMLDR was built' \
        'seamldr.debug' 'The P-SEAMLDR is a debug build' \
        'seamldr.remaining_updates' 'Updates of the TDX module that are possible before the next reboot' \
        'seamldr.update_status' 'What the firmware upload of the TDX module does now; idle when nothing' \
        'seamldr.update_error' 'How the last upload failed; empty when it did not' \
        'seamldr.acm_svn' 'Security version number of the SEAM loader ACM' \
        'module' 'The TDX module: what it is, how far it got, what it can do' \
        'module.state' 'How far the host got: initialized, failed, not-loaded, not-attempted or unknown' \
        'module.version' 'major.minor.update as the kernel spells it, or major.minor where no place told the update' \
        'module.major' 'Major version: the module\'s line, together with the minor version' \
        'module.minor' 'Minor version' \
        'module.update' 'Update within the line' \
        'module.internal' 'Internal version, which only few kernels print' \
        'module.build_number' 'Build number' \
        'module.build_date' 'Day the module was built' \
        'module.vendor_id' 'PCI id of the module\'s maker: 0x8086 is Intel' \
        'module.debug' 'The module is a debug build, whose TDs are not protected (bit 31 of its attributes)' \
        'module.release' 'The public release that version and build point to' \
        'module.newest_release' 'The newest release of the same line that tdxinfo knows of, which need not be the newest' \
        'module.features0' 'TDX_FEATURES0, the module\'s feature bitmap' \
        'module.features' 'Names of the features that are there' \
        'module.no_rbp_mod' 'A TD cannot change the host\'s RBP register' \
        'module.failed_calls' 'SEAMCALLs that failed after the initialization, each kind once' \
        'module.esp_files' 'Files in EFI/TDX on the EFI system partition, from where firmware can load the module' \
        'module.fits_processor' 'The release is made for this processor' \
        'module.newest_for_processor' 'The newest release of the same line for this processor that tdxinfo knows of' \
        'module.handoff_version' 'Version of the handoff data that the module leaves to a successor' \
        'module.min_update_handoff_version' 'Oldest handoff data that the module can take over' \
        'module.no_downgrade' 'The module takes no handoff data of a newer one' \
        'module.failure' 'How the initialization failed; null with a source when it did not' \
        'memory' 'Memory: what can be made private, what the kernel made of it, what TDX costs' \
        'memory.cmrs' 'Convertible Memory Regions: the memory that TDs can use' \
        'memory.cmr_bytes' 'Size of all CMRs together' \
        'memory.tdmrs' 'TD Memory Regions that the kernel made of its memory' \
        'memory.tdx_memory' 'Memory that the kernel gave to TDX, by NUMA node; only of it can TDs have private pages' \
        'memory.max_tdmrs' 'TDMRs the module takes at most' \
        'memory.max_reserved_per_tdmr' 'Reserved areas the module takes in one TDMR at most' \
        'memory.pamt_4k_entry_size' 'Bytes of a PAMT entry for a 4 KiB page' \
        'memory.pamt_2m_entry_size' 'Bytes of a PAMT entry for a 2 MiB page' \
        'memory.pamt_1g_entry_size' 'Bytes of a PAMT entry for a 1 GiB page' \
        'memory.pamt_bytes' 'Memory that the Physical Address Metadata Tables take from the host' \
        'memory.tdmrs_used' 'TDMRs in use' \
        'memory.pamt_on_other_node' 'A PAMT lies on another NUMA node than the memory that it describes' \
        'memory.added_memory_online' 'Memory that is added while the kernel runs goes online by itself, or tries to' \
        'memory.system_ram' 'System RAM as the kernel sees it' \
        'memory.system_ram_bytes' 'Size of all System RAM together' \
        'memory.firmware_ram' 'What the firmware\'s memory map (e820) calls usable' \
        'memory.added_ram' 'System RAM that a driver added at run time, as persistent or CXL memory' \
        'memory.nodes' 'Each NUMA node, from its first memory to its last' \
        'memory.regions' 'Memory as TDMRs are made of it, by NUMA node: the kernel\'s memblock, whose holes count' \
        'memory.ram_outside_cmrs' 'RAM above 1 MiB that lies in no CMR, with the option, driver or map that made it RAM' \
        'memory.holes_from' 'What this kernel takes for holes of a TDMR: gaps in its memory, or gaps between CMRs' \
        'memory.plan' 'The TDMRs that Linux makes of this memory, and whether the module\'s limits suffice' \
        'memory.plan_by_cmrs' 'The same by a kernel that takes holes from gaps between CMRs, as some vendors\' do' \
        'memory.pamt_expected_bytes' 'What the Physical Address Metadata Tables take by calculation' \
        'memory.pamt_difference_bytes' 'What they really take, less that' \
        'td' 'What a trust domain may be given' \
        'td.attributes_fixed0' 'A TD attribute whose bit is 0 here must be 0' \
        'td.attributes_fixed1' 'A TD attribute whose bit is 1 here must be 1' \
        'td.xfam_fixed0' 'An extended feature whose bit is 0 here must be 0' \
        'td.xfam_fixed1' 'An extended feature whose bit is 1 here must be 1' \
        'td.max_vcpus' 'Virtual CPUs a TD has at most' \
        'td.tdr_base_size' 'Bytes of a TD\'s root structure, TDR' \
        'td.tdcs_base_size' 'Bytes of a TD\'s control structure, TDCS, at least' \
        'td.tdvps_base_size' 'Bytes of a virtual CPU\'s state, TDVPS, at least' \
        'td.cpuid_config' 'CPUID bits that a TD\'s owner may choose, by leaf and sub-leaf' \
        'td.max_service_tds' 'Service TDs that one TD can have' \
        'td.live_migration' 'Whether KVM and the module can migrate a running TD' \
        'td.partitioning' 'Whether a TD can hold virtual machines of its own' \
        'td.config_flags_fixed0' 'A configuration flag whose bit is 0 here must be 0' \
        'td.config_flags_fixed1' 'A configuration flag whose bit is 1 here must be 1' \
        'td.servtd_attr_fixed0' 'An attribute of a service TD\'s binding whose bit is 0 here must be 0' \
        'td.servtd_attr_fixed1' 'An attribute of a service TD\'s binding whose bit is 1 here must be 1' \
        'td.vm_ctls_fixed0' 'A control of a partition whose bit is 0 here must be 0' \
        'td.vm_ctls_fixed1' 'A control of a partition whose bit is 1 here must be 1' \
        'td.l2_ctls_fixed0' 'A control of a partition\'s virtual CPU whose bit is 0 here must be 0' \
        'td.l2_ctls_fixed1' 'A control of a partition\'s virtual CPU whose bit is 1 here must be 1' \
        'td.arch_capabilities_mask' 'Bits of IA32_ARCH_CAPABILITIES that may be chosen' \
        'td.min_virtual_maxpa' 'Smallest width of physical addresses that a TD can be shown' \
        'td.max_migration_streams' 'Migration streams that a TD may have' \
        'kernel' 'The kernel: what it was built with and started with, as far as TDX asks' \
        'kernel.release' 'The kernel\'s release, as `uname -r` prints it' \
        'kernel.generation' 'Who starts the TDX module: vendor-boot and vendor-kvm are vendors\' kernels; of upstream none and detects never start it, kvm does when it is loaded, boot does at every boot' \
        'kernel.command_line' 'What the kernel was started with' \
        'kernel.config_tdx_host' 'The kernel was built with CONFIG_INTEL_TDX_HOST' \
        'kernel.config_kvm_intel' 'The kernel was built with KVM for Intel processors' \
        'kernel.config_kvm_intel_tdx' 'The kernel was built with KVM for TDX (Linux 6.16 and later)' \
        'kernel.config_kexec_core' 'The kernel was built with kexec, which excludes TDX hosts before Linux 6.18' \
        'kernel.config_hibernation' 'The kernel was built with hibernation' \
        'kernel.hibernation' 'Hibernation is available, and so TDX is not' \
        'kernel.tdx_detected' 'The kernel found that the firmware set TDX up' \
        'kernel.disagreements' 'Facts that two places tell differently' \
        'kernel.kexec_loaded' 'A kernel for kexec is loaded' \
        'kernel.crash_kernel_loaded' 'A kernel for kdump is loaded' \
        'kernel.deep_sleep' 'Suspend to RAM (ACPI S3) is available; the kernel turns it off beside TDX' \
        'kernel.numa_balancing' 'The kernel moves pages between NUMA nodes by itself' \
        'kernel.msr_device' 'MSRs can be read by root: the module msr is loaded' \
        'kernel.private_memory_error' 'A machine check came from private memory of TDX' \
        'kernel.lockdown' 'The kernel\'s lockdown mode' \
        'kernel.log_complete' 'The kernel log that was read begins where the kernel began' \
        'kvm' 'KVM: whether it is loaded, has TDX turned on, and offers TDs' \
        'kvm.loaded' 'kvm_intel is loaded' \
        'kvm.tdx_enabled' 'kvm_intel has TDX turned on' \
        'kvm.device' '/dev/kvm is there' \
        'kvm.tdx_option' 'What modprobe\'s configuration says of kvm_intel\'s option tdx; empty when nothing' \
        'kvm.ept' 'Extended page tables, which TDX needs, are on' \
        'kvm.eptad' 'EPT accessed and dirty bits, which TDX needs, are on' \
        'kvm.apicv' 'APIC virtualization, which TDX needs, is on' \
        'kvm.tdp_mmu' 'The TDP MMU, which TDX needs, is on' \
        'kvm.mmio_caching' 'MMIO caching, which TDX needs, is on' \
        'kvm.virt_at_load' 'KVM turns virtualization on when it loads; TDX needs that from Linux 6.16 to 7.0' \
        'kvm.vm_type_supported' 'KVM offers the VM type for TDs, KVM_X86_TDX_VM' \
        'kvm.supported_attributes' 'TD attributes that both KVM and the module allow' \
        'kvm.supported_xfam' 'Extended features that both KVM and the module allow' \
        'kvm.cpuid_config' 'CPUID bits that may be chosen for a TD, less those that KVM takes away' \
        'kvm.max_vcpus' 'Virtual CPUs that KVM gives a TD at most' \
        'kvm.refusal' 'Why KVM did not offer TDX, in its own words' \
        'stack' 'The software above KVM that makes and runs trust domains, read from its files' \
        'stack.qemu_path' 'The QEMU for x86-64 that a shell would find, or RHEL\'s' \
        'stack.qemu_version' 'Version of QEMU, as its program file spells it' \
        'stack.qemu_tdx_guest' 'QEMU was built with the object tdx-guest: its program file names it' \
        'stack.libvirt_version' 'Version of libvirt, which its library\'s name holds' \
        'stack.tdx_firmware' 'Descriptors of virtual firmware for QEMU that name the feature intel-tdx' \
        'stack.firmware_images' 'Files of OVMF, the virtual firmware of edk2' \
        'attestation' 'What proves to others that a trust domain is one: SGX, quoting, registration' \
        'attestation.sgx_enclave' 'Enclaves can be made; quotes are signed in one' \
        'attestation.sgx_provision' 'Enclaves can have the key that quotes are certified with' \
        'attestation.epc_bytes' 'Memory for SGX enclaves in all NUMA nodes' \
        'attestation.quote_service' 'Intel\'s quote generation service runs' \
        'attestation.pccs' 'A certificate cache (PCCS) runs on this host' \
        'attestation.pccs_is_local' 'The quote provider asks a certificate cache on this host, not another\'s' \
        'attestation.checks_certificate' 'The quote provider checks the certificate cache\'s own certificate' \
        'attestation.registration' 'Whether Intel knows the platform: complete, pending, failed or not sent' \
        'attestation.efivars_writable' 'EFI variables are mounted for writing, as registration needs'
end

function __tdxinfo_offer_check_only
    printf '%s\t%s\n' \
        'cpu' 'All checks of the group' \
        'cpu.vendor' 'The processor is Intel\'s' \
        'cpu.bare_metal' 'This is a host, not a guest' \
        'cpu.model' 'The processor\'s model has TDX' \
        'cpu.instructions' 'The instructions that TDX needs are there' \
        'cpu.seamrr' 'The processor has SEAM range registers' \
        'cpu.production' 'The processor is a production part' \
        'cpu.online' 'All processors are online' \
        'cpu.errata' 'No erratum of the processor concerns TDX' \
        'firmware' 'All checks of the group' \
        'firmware.tme' 'Memory encryption is on' \
        'firmware.packages_agree' 'All packages have the same settings' \
        'firmware.seamrr_enabled' 'The firmware put the SEAM range in force' \
        'firmware.seamrr_locked' 'The SEAM range is locked' \
        'firmware.sgx' 'SGX is on, which attestation needs' \
        'firmware.mcheck' 'MCHECK found nothing wrong with the platform' \
        'firmware.tme_locked' 'Memory encryption is locked' \
        'firmware.tme_bypass' 'Memory of the host bypasses encryption' \
        'firmware.memory_modules' 'Memory slots are filled as SGX and TDX ask' \
        'keys' 'All checks of the group' \
        'keys.tdx_share' 'The firmware set KeyIDs aside for TDX' \
        'keys.enough' 'There are KeyIDs for the TDX module and at least one TD' \
        'keys.headroom' 'KeyIDs are left for more TDs' \
        'keys.leaked' 'No KeyID was leaked' \
        'keys.counted' 'The kernel counts KeyIDs in the misc cgroup' \
        'kernel' 'All checks of the group' \
        'kernel.config_tdx_host' 'The kernel was built for TDX hosts' \
        'kernel.generation' 'This kernel can start the TDX module' \
        'kernel.config_kvm_tdx' 'The kernel\'s KVM was built for TDX' \
        'kernel.hibernation' 'Hibernation is unavailable, as TDX requires' \
        'kernel.command_line' 'No kernel option stands in TDX\'s way' \
        'kernel.tdx_detected' 'The kernel found TDX set up by the firmware' \
        'kernel.log' 'The kernel log is whole' \
        'kernel.places_agree' 'No two places tell the same fact differently' \
        'kernel.kexec' 'Nothing stands between kexec or kdump and TDX' \
        'kernel.machine_checks' 'No machine check came from private memory' \
        'kernel.suspend' 'Suspend to RAM is off, as it is beside TDX' \
        'kernel.numa_balancing' 'The kernel does not move pages between NUMA nodes by itself' \
        'kernel.msr' 'Registers of the processor can be read' \
        'module' 'All checks of the group' \
        'module.attempted' 'Somebody tried to initialize the module' \
        'module.loaded' 'The firmware loaded the TDX module' \
        'module.line' 'The module is of a line that the kernel can drive' \
        'module.no_rbp_mod' 'The module has NO_RBP_MOD, so that a TD cannot change the host\'s RBP' \
        'module.initialized' 'The TDX module runs' \
        'module.production' 'The module is a production build' \
        'module.topology_enum' 'The module has TOPOLOGY_ENUM, which KVM requires since Linux 6.16' \
        'module.release' 'The module is the newest of its line that is known' \
        'module.fits_processor' 'The release is made for this processor' \
        'module.vcpus' 'A TD can have as many virtual CPUs as the host has CPUs' \
        'module.update_ready' 'The module can be updated without a reboot' \
        'module.last_update' 'The last update at run time went well' \
        'module.calls' 'No SEAMCALL failed after the initialization' \
        'module.esp' 'EFI/TDX on the EFI system partition holds a module with its signature, or none' \
        'memory' 'All checks of the group' \
        'memory.tdmrs_fit' 'The module\'s TDMRs and reserved areas suffice for this memory' \
        'memory.cmrs_sane' 'The CMRs are in order, apart, and of whole pages' \
        'memory.cmrs_cover_ram' 'All System RAM above 1 MiB lies in CMRs' \
        'memory.pamt' 'What TDX costs in memory' \
        'memory.tdmr_headroom' 'TDMRs are left for more memory' \
        'memory.pamt_local' 'Each PAMT lies on the NUMA node of its memory' \
        'memory.hotplug' 'Memory that is added later stays out' \
        'kvm' 'All checks of the group' \
        'kvm.loaded' 'kvm_intel is loaded' \
        'kvm.parameters' 'No module parameter of KVM excludes TDX' \
        'kvm.virt_at_load' 'KVM turns virtualization on when it loads, as TDX needs from Linux 6.16 to 7.0' \
        'kvm.tdx_enabled' 'KVM has TDX turned on' \
        'kvm.vm_type' 'KVM offers the VM type for trust domains' \
        'kvm.device' 'The device of KVM is there' \
        'kvm.capabilities' 'KVM and the module agree on what a TD can have' \
        'kvm.after_reboot' 'TDX in KVM stays on after a reboot' \
        'stack' 'All checks of the group' \
        'stack.qemu' 'QEMU knows trust domains' \
        'stack.pairing' 'QEMU and KVM speak of TDX in the same way' \
        'stack.libvirt' 'libvirt knows trust domains' \
        'stack.firmware' 'Virtual firmware for trust domains is installed' \
        'attestation' 'All checks of the group' \
        'attestation.sgx_devices' 'Enclaves can be made and certified' \
        'attestation.epc' 'There is memory for the quoting enclaves' \
        'attestation.quote_service' 'The quote generation service runs' \
        'attestation.pccs' 'A certificate cache is within reach' \
        'attestation.certificate' 'The certificate cache\'s own certificate is checked' \
        'attestation.registration' 'The platform is registered with Intel' \
        'attestation.efivars' 'EFI variables can be written'
end

function __tdxinfo_offer_check_group
    printf '%s\t%s\n' \
        'cpu' 'All checks of the group' \
        'firmware' 'All checks of the group' \
        'keys' 'All checks of the group' \
        'kernel' 'All checks of the group' \
        'module' 'All checks of the group' \
        'memory' 'All checks of the group' \
        'kvm' 'All checks of the group' \
        'stack' 'All checks of the group' \
        'attestation' 'All checks of the group'
end

function __tdxinfo_offer_explain_what
    printf '%s\t%s\n' \
        'NUM_PKGS' '' \
        'PKG_FMS' '' \
        'VENDOR_ID' '' \
        'BUILD_DATE' '' \
        'BUILD_NUM' '' \
        'MINOR_VERSION' '' \
        'MAJOR_VERSION' '' \
        'UPDATE_VERSION' '' \
        'INTERNAL_VERSION' '' \
        'MODULE_HV' '' \
        'MIN_UPDATE_HV' '' \
        'NO_DOWNGRADE' '' \
        'NUM_HANDOFF_PAGES' '' \
        'HANDOFF_DATA_VALID' '' \
        'HANDOFF_DATA_HV' '' \
        'HANDOFF_DATA_SIZE' '' \
        'SYS_ATTRIBUTES' '' \
        'NUM_TDX_FEATURES' '' \
        'TDX_FEATURES0' '' \
        'NUM_CMRS' '' \
        'CMR_BASE' '' \
        'CMR_SIZE' '' \
        'MAX_TDMRS' '' \
        'MAX_RESERVED_PER_TDMR' '' \
        'PAMT_4K_ENTRY_SIZE' '' \
        'PAMT_2M_ENTRY_SIZE' '' \
        'PAMT_1G_ENTRY_SIZE' '' \
        'PAMT_PAGE_BITMAP_ENTRY_BITS' '' \
        'MIN_DYNAMIC_PAMT_NUM_HKID_BITS' '' \
        'TDR_BASE_SIZE' '' \
        'TDCS_BASE_SIZE' '' \
        'TDCS_SIZE_PER_L2_VM' '' \
        'TDVPS_BASE_SIZE' '' \
        'TDVPS_SIZE_PER_L2_VM' '' \
        'ATTRIBUTES_FIXED0' '' \
        'ATTRIBUTES_FIXED1' '' \
        'XFAM_FIXED0' '' \
        'XFAM_FIXED1' '' \
        'NUM_CPUID_CONFIG' '' \
        'CONFIG_FLAGS_FIXED0' '' \
        'CONFIG_FLAGS_FIXED1' '' \
        'MAX_VCPUS_PER_TD' '' \
        'MIN_VIRT_MAXPA' '' \
        'MAX_EVENT_FILTERS' '' \
        'CPUID_CONFIG_LEAVES' '' \
        'CPUID_CONFIG_VALUES' '' \
        'IA32_ARCH_CAPABILITIES_CONFIG_MASK' '' \
        'NUM_ALLOWED_FMS' '' \
        'NUM_DISALLOWED_FMS' '' \
        'ALLOWED_FMS' '' \
        'DISALLOWED_FMS' '' \
        'GUEST_GPA_ATTR_MASK' '' \
        'MIG_ATTRIBUTES' '' \
        'MIN_EXPORT_VERSION' '' \
        'MAX_EXPORT_VERSION' '' \
        'MIN_IMPORT_VERSION' '' \
        'MAX_IMPORT_VERSION' '' \
        'MAX_MIGS' '' \
        'NUM_IMMUTABLE_STATE_PAGES' '' \
        'NUM_TD_STATE_PAGES' '' \
        'NUM_VP_STATE_PAGES' '' \
        'NUM_MEM_SCAN_CONTROL_PAGES' '' \
        'MAX_MEM_SCAN_RANGES' '' \
        'NUM_MEM_SCAN_CONTEXTS' '' \
        'MAX_SERV_TDS' '' \
        'SERVTD_ATTR_FIXED0' '' \
        'SERVTD_ATTR_FIXED1' '' \
        'GUEST_L2_GPA_ATTR_MASK' '' \
        'VM_CTLS_FIXED0' '' \
        'VM_CTLS_FIXED1' '' \
        'VPCU_L2_CTLS_FIXED0' '' \
        'VCPU_L2_CTLS_FIXED1' '' \
        'VPCU_L2_DEBUG_CTLS_FIXED0' '' \
        'VCPU_L2_DEBUG_CTLS_FIXED1' '' \
        'MAX_QUOTE_SIZE' '' \
        'TDX_CONNECT_FEATURES' '' \
        'IDE_MT_PAGE_COUNT' '' \
        'SPDM_MT_PAGE_COUNT' '' \
        'IOMMU_MT_PAGE_COUNT' '' \
        'SPDM_MAX_DEV_INFO_PAGES' '' \
        'MEMORY_POOL_REQUIRED_PAGES' '' \
        'EXT_REQUIRED' '' \
        'platform.vendor' '' \
        'platform.family' '' \
        'platform.model' '' \
        'platform.stepping' '' \
        'platform.model_name' '' \
        'platform.codename' '' \
        'platform.cpus' '' \
        'platform.cpus_present' '' \
        'platform.package_offline' '' \
        'platform.packages' '' \
        'platform.physical_address_bits' '' \
        'platform.instructions' '' \
        'platform.errata' '' \
        'platform.virtualization' '' \
        'platform.memory_slots' '' \
        'platform.memory_modules' '' \
        'platform.system_vendor' '' \
        'platform.system_product' '' \
        'platform.system' '' \
        'firmware.vendor' '' \
        'firmware.version' '' \
        'firmware.date' '' \
        'firmware.tme_enabled' '' \
        'firmware.tme_locked' '' \
        'firmware.tme_bypass' '' \
        'firmware.keyid_bits' '' \
        'firmware.seamrr_supported' '' \
        'firmware.seamrr_configured' '' \
        'firmware.seamrr_enabled' '' \
        'firmware.seamrr_locked' '' \
        'firmware.sgx_enabled' '' \
        'firmware.mcheck_status' '' \
        'firmware.preproduction' '' \
        'keys.max_keyids' '' \
        'keys.mktme_keyids' '' \
        'keys.tdx_keyids' '' \
        'keys.first_tdx_keyid' '' \
        'keys.guest_keyids' '' \
        'keys.guest_keyids_in_use' '' \
        'keys.guest_keyids_peak' '' \
        'keys.leaked' '' \
        'seamldr.version' '' \
        'seamldr.build_number' '' \
        'seamldr.build_date' '' \
        'seamldr.debug' '' \
        'seamldr.remaining_updates' '' \
        'seamldr.update_status' '' \
        'seamldr.update_error' '' \
        'seamldr.acm_svn' '' \
        'module.state' '' \
        'module.version' '' \
        'module.major' '' \
        'module.minor' '' \
        'module.update' '' \
        'module.internal' '' \
        'module.build_number' '' \
        'module.build_date' '' \
        'module.vendor_id' '' \
        'module.debug' '' \
        'module.release' '' \
        'module.newest_release' '' \
        'module.features0' '' \
        'module.features' '' \
        'module.no_rbp_mod' '' \
        'module.failed_calls' '' \
        'module.esp_files' '' \
        'module.fits_processor' '' \
        'module.newest_for_processor' '' \
        'module.handoff_version' '' \
        'module.min_update_handoff_version' '' \
        'module.no_downgrade' '' \
        'module.failure' '' \
        'memory.cmrs' '' \
        'memory.cmr_bytes' '' \
        'memory.tdmrs' '' \
        'memory.tdx_memory' '' \
        'memory.max_tdmrs' '' \
        'memory.max_reserved_per_tdmr' '' \
        'memory.pamt_4k_entry_size' '' \
        'memory.pamt_2m_entry_size' '' \
        'memory.pamt_1g_entry_size' '' \
        'memory.pamt_bytes' '' \
        'memory.tdmrs_used' '' \
        'memory.pamt_on_other_node' '' \
        'memory.added_memory_online' '' \
        'memory.system_ram' '' \
        'memory.system_ram_bytes' '' \
        'memory.firmware_ram' '' \
        'memory.added_ram' '' \
        'memory.nodes' '' \
        'memory.regions' '' \
        'memory.ram_outside_cmrs' '' \
        'memory.holes_from' '' \
        'memory.plan' '' \
        'memory.plan_by_cmrs' '' \
        'memory.pamt_expected_bytes' '' \
        'memory.pamt_difference_bytes' '' \
        'td.attributes_fixed0' '' \
        'td.attributes_fixed1' '' \
        'td.xfam_fixed0' '' \
        'td.xfam_fixed1' '' \
        'td.max_vcpus' '' \
        'td.tdr_base_size' '' \
        'td.tdcs_base_size' '' \
        'td.tdvps_base_size' '' \
        'td.cpuid_config' '' \
        'td.max_service_tds' '' \
        'td.live_migration' '' \
        'td.partitioning' '' \
        'td.config_flags_fixed0' '' \
        'td.config_flags_fixed1' '' \
        'td.servtd_attr_fixed0' '' \
        'td.servtd_attr_fixed1' '' \
        'td.vm_ctls_fixed0' '' \
        'td.vm_ctls_fixed1' '' \
        'td.l2_ctls_fixed0' '' \
        'td.l2_ctls_fixed1' '' \
        'td.arch_capabilities_mask' '' \
        'td.min_virtual_maxpa' '' \
        'td.max_migration_streams' '' \
        'kernel.release' '' \
        'kernel.generation' '' \
        'kernel.command_line' '' \
        'kernel.config_tdx_host' '' \
        'kernel.config_kvm_intel' '' \
        'kernel.config_kvm_intel_tdx' '' \
        'kernel.config_kexec_core' '' \
        'kernel.config_hibernation' '' \
        'kernel.hibernation' '' \
        'kernel.tdx_detected' '' \
        'kernel.disagreements' '' \
        'kernel.kexec_loaded' '' \
        'kernel.crash_kernel_loaded' '' \
        'kernel.deep_sleep' '' \
        'kernel.numa_balancing' '' \
        'kernel.msr_device' '' \
        'kernel.private_memory_error' '' \
        'kernel.lockdown' '' \
        'kernel.log_complete' '' \
        'kvm.loaded' '' \
        'kvm.tdx_enabled' '' \
        'kvm.device' '' \
        'kvm.tdx_option' '' \
        'kvm.ept' '' \
        'kvm.eptad' '' \
        'kvm.apicv' '' \
        'kvm.tdp_mmu' '' \
        'kvm.mmio_caching' '' \
        'kvm.virt_at_load' '' \
        'kvm.vm_type_supported' '' \
        'kvm.supported_attributes' '' \
        'kvm.supported_xfam' '' \
        'kvm.cpuid_config' '' \
        'kvm.max_vcpus' '' \
        'kvm.refusal' '' \
        'stack.qemu_path' '' \
        'stack.qemu_version' '' \
        'stack.qemu_tdx_guest' '' \
        'stack.libvirt_version' '' \
        'stack.tdx_firmware' '' \
        'stack.firmware_images' '' \
        'attestation.sgx_enclave' '' \
        'attestation.sgx_provision' '' \
        'attestation.epc_bytes' '' \
        'attestation.quote_service' '' \
        'attestation.pccs' '' \
        'attestation.pccs_is_local' '' \
        'attestation.checks_certificate' '' \
        'attestation.registration' '' \
        'attestation.efivars_writable' '' \
        'cpu.vendor' '' \
        'cpu.bare_metal' '' \
        'cpu.model' '' \
        'cpu.instructions' '' \
        'cpu.seamrr' '' \
        'cpu.production' '' \
        'cpu.online' '' \
        'cpu.errata' '' \
        'firmware.tme' '' \
        'firmware.packages_agree' '' \
        'firmware.sgx' '' \
        'firmware.mcheck' '' \
        'firmware.memory_modules' '' \
        'keys.tdx_share' '' \
        'keys.enough' '' \
        'keys.headroom' '' \
        'keys.counted' '' \
        'kernel.config_kvm_tdx' '' \
        'kernel.log' '' \
        'kernel.places_agree' '' \
        'kernel.kexec' '' \
        'kernel.machine_checks' '' \
        'kernel.suspend' '' \
        'kernel.msr' '' \
        'module.attempted' '' \
        'module.loaded' '' \
        'module.line' '' \
        'module.initialized' '' \
        'module.production' '' \
        'module.topology_enum' '' \
        'module.vcpus' '' \
        'module.update_ready' '' \
        'module.last_update' '' \
        'module.calls' '' \
        'module.esp' '' \
        'memory.cmrs_sane' '' \
        'memory.cmrs_cover_ram' '' \
        'memory.tdmrs_fit' '' \
        'memory.pamt' '' \
        'memory.tdmr_headroom' '' \
        'memory.pamt_local' '' \
        'memory.hotplug' '' \
        'kvm.parameters' '' \
        'kvm.vm_type' '' \
        'kvm.capabilities' '' \
        'kvm.after_reboot' '' \
        'stack.qemu' '' \
        'stack.pairing' '' \
        'stack.libvirt' '' \
        'stack.firmware' '' \
        'attestation.sgx_devices' '' \
        'attestation.epc' '' \
        'attestation.certificate' '' \
        'attestation.efivars' '' \
        'policy.module_version' '' \
        'policy.features' '' \
        'IA32_FEATURE_CONTROL' '' \
        'IA32_MKTME_KEYID_PARTITIONING' '' \
        'SGX_AND_MCHECK_STATUS' '' \
        'PLATFORM_INFO' '' \
        'IA32_MTRRCAP' '' \
        'IA32_VMX_BASIC' '' \
        'IA32_SGX_SVN_STATUS' '' \
        'IA32_TME_CAPABILITY' '' \
        'IA32_TME_ACTIVATE' '' \
        'IA32_SEAMRR_PHYS_BASE' '' \
        'IA32_SEAMRR_PHYS_MASK' '' \
        'TDH.SYS.KEY.CONFIG' '' \
        'TDH.SYS.INFO' '' \
        'TDH.SYS.INIT' '' \
        'TDH.SYS.RD' '' \
        'TDH.SYS.LP.INIT' '' \
        'TDH.SYS.TDMR.INIT' '' \
        'TDH.SYS.RDALL' '' \
        'TDH.SYS.CONFIG' '' \
        'TDH.SYS.SHUTDOWN' '' \
        'TDH.SYS.UPDATE' '' \
        'TDH.SYS.DISABLE' '' \
        'TDX_SUCCESS' '' \
        'TDX_NON_RECOVERABLE_VCPU' '' \
        'TDX_NON_RECOVERABLE_TD' '' \
        'TDX_INTERRUPTED_RESUMABLE' '' \
        'TDX_INTERRUPTED_RESTARTABLE' '' \
        'TDX_NON_RECOVERABLE_TD_FATAL' '' \
        'TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE' '' \
        'TDX_INVALID_RESUMPTION' '' \
        'TDX_NON_RECOVERABLE_TD_WRONG_APIC_MODE' '' \
        'TDX_CROSS_TD_FAULT' '' \
        'TDX_CROSS_TD_TRAP' '' \
        'TDX_NON_RECOVERABLE_TD_CORRUPTED_MD' '' \
        'TDX_INTERRUPTED_LIST_FULL' '' \
        'TDX_OPERAND_INVALID' '' \
        'TDX_OPERAND_ADDR_RANGE_ERROR' '' \
        'TDX_EVENT_FILTER_INVALID' '' \
        'TDX_EVENT_FILTER_ORDER_INVALID' '' \
        'TDX_OPERAND_BUSY' '' \
        'TDX_PREVIOUS_TLB_EPOCH_BUSY' '' \
        'TDX_SYS_BUSY' '' \
        'TDX_RND_NO_ENTROPY' '' \
        'TDX_OPERAND_BUSY_HOST_PRIORITY' '' \
        'TDX_HOST_PRIORITY_BUSY_TIMEOUT' '' \
        'TDX_INTERRUPTED_BUSY' '' \
        'TDX_PAGE_METADATA_INCORRECT' '' \
        'TDX_PAGE_ALREADY_FREE' '' \
        'TDX_PAGE_NOT_OWNED_BY_TD' '' \
        'TDX_PAGE_NOT_FREE' '' \
        'TDX_HPA_RANGE_NOT_FREE' '' \
        'TDX_NO_PAMT_PAGE_PAIR' '' \
        'TDX_PAMT_PAGE_NOT_EMPTY' '' \
        'TDX_INTERRUPTED_PAMT' '' \
        'TDX_MISSING_PAMT_PAGE_PAIR' '' \
        'TDX_TD_ASSOCIATED_PAGES_EXIST' '' \
        'TDX_SYS_INIT_NOT_PENDING' '' \
        'TDX_SYS_LP_INIT_NOT_DONE' '' \
        'TDX_SYS_LP_INIT_DONE' '' \
        'TDX_SYS_NOT_READY' '' \
        'TDX_SYS_SHUTDOWN' '' \
        'TDX_SYS_KEY_CONFIG_NOT_PENDING' '' \
        'TDX_SYS_STATE_INCORRECT' '' \
        'TDX_SYS_INVALID_HANDOFF' '' \
        'TDX_SYS_INCOMPATIBLE_SIGSTRUCT' '' \
        'TDX_SYS_LP_INIT_NOT_PENDING' '' \
        'TDX_SYS_CONFIG_NOT_PENDING' '' \
        'TDX_INCOMPATIBLE_SEAM_CAPABILITIES' '' \
        'TDX_INCOMPATIBLE_SEAM_FEATURES' '' \
        'TDX_CRYPTO_SELF_TEST_FAILED' '' \
        'TDX_UPDATE_COMPATIBILITY_SENSITIVE' '' \
        'TDX_TD_NOT_INITIALIZED' '' \
        'TDX_TD_INITIALIZED' '' \
        'TDX_TD_NOT_FINALIZED' '' \
        'TDX_TD_FINALIZED' '' \
        'TDX_TD_FATAL' '' \
        'TDX_TD_NON_DEBUG' '' \
        'TDX_TDCS_NOT_ALLOCATED' '' \
        'TDX_LIFECYCLE_STATE_INCORRECT' '' \
        'TDX_OP_STATE_INCORRECT' '' \
        'TDX_NO_VCPUS' '' \
        'TDX_DEBUG_MEM_NOT_WRITABLE' '' \
        'TDX_TDCX_NUM_INCORRECT' '' \
        'TDX_X2APIC_ID_NOT_UNIQUE' '' \
        'TDX_INCOMPATIBLE_MRTD_CONTEXT' '' \
        'TDX_VCPU_STATE_INCORRECT' '' \
        'TDX_VCPU_ASSOCIATED' '' \
        'TDX_VCPU_NOT_ASSOCIATED' '' \
        'TDX_TDVPX_NUM_INCORRECT' '' \
        'TDX_NO_VALID_VE_INFO' '' \
        'TDX_MAX_VCPUS_EXCEEDED' '' \
        'TDX_TSC_ROLLBACK' '' \
        'TDX_INTERRUPTIBILITY_BLOCKED' '' \
        'TDX_FIELD_NOT_WRITABLE' '' \
        'TDX_FIELD_NOT_READABLE' '' \
        'TDX_TD_VMCS_FIELD_NOT_INITIALIZED' '' \
        'TD_VMCS_FIELD_ERROR' '' \
        'TDX_KEY_GENERATION_FAILED' '' \
        'TDX_TD_KEYS_NOT_CONFIGURED' '' \
        'TDX_KEY_STATE_INCORRECT' '' \
        'TDX_KEY_CONFIGURED' '' \
        'TDX_WBCACHE_NOT_COMPLETE' '' \
        'TDX_HKID_NOT_FREE' '' \
        'TDX_NO_HKID_READY_TO_WBCACHE' '' \
        'TDX_WBCACHE_RESUME_ERROR' '' \
        'TDX_FLUSHVP_NOT_DONE' '' \
        'TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED' '' \
        'TDX_INCORRECT_CPUID_VALUE' '' \
        'TDX_BOOT_NT4_SET' '' \
        'TDX_LIMIT_CPUID_MAXVAL_SET' '' \
        'TDX_INCONSISTENT_CPUID_FIELD' '' \
        'TDX_CPUID_MAX_SUBLEAVES_UNRECOGNIZED' '' \
        'TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED' '' \
        'TDX_INVALID_WBINVD_SCOPE' '' \
        'TDX_INVALID_PKG_ID' '' \
        'TDX_ENABLE_MONITOR_FSM_NOT_SET' '' \
        'TDX_CPUID_LEAF_NOT_SUPPORTED' '' \
        'TDX_SMRR_NOT_LOCKED' '' \
        'TDX_INVALID_SMRR_CONFIGURATION' '' \
        'TDX_SMRR_OVERLAPS_CMR' '' \
        'TDX_SMRR_LOCK_NOT_SUPPORTED' '' \
        'TDX_SMRR_NOT_SUPPORTED' '' \
        'TDX_INCONSISTENT_MSR' '' \
        'TDX_INCORRECT_MSR_VALUE' '' \
        'TDX_SEAMREPORT_NOT_AVAILABLE' '' \
        'TDX_SEAMDB_GETREF_NOT_AVAILABLE' '' \
        'TDX_SEAMDB_REPORT_NOT_AVAILABLE' '' \
        'TDX_SEAMVERIFYREPORT_NOT_AVAILABLE' '' \
        'TDX_INVALID_TDMR' '' \
        'TDX_NON_ORDERED_TDMR' '' \
        'TDX_TDMR_OUTSIDE_CMRS' '' \
        'TDX_TDMR_ALREADY_INITIALIZED' '' \
        'TDX_INVALID_PAMT' '' \
        'TDX_PAMT_OUTSIDE_CMRS' '' \
        'TDX_PAMT_OVERLAP' '' \
        'TDX_INVALID_RESERVED_IN_TDMR' '' \
        'TDX_NON_ORDERED_RESERVED_IN_TDMR' '' \
        'TDX_CMR_LIST_INVALID' '' \
        'TDX_EPT_WALK_FAILED' '' \
        'TDX_EPT_ENTRY_FREE' '' \
        'TDX_EPT_ENTRY_NOT_FREE' '' \
        'TDX_EPT_ENTRY_NOT_PRESENT' '' \
        'TDX_EPT_ENTRY_NOT_LEAF' '' \
        'TDX_EPT_ENTRY_LEAF' '' \
        'TDX_GPA_RANGE_NOT_BLOCKED' '' \
        'TDX_GPA_RANGE_ALREADY_BLOCKED' '' \
        'TDX_TLB_TRACKING_NOT_DONE' '' \
        'TDX_EPT_INVALID_PROMOTE_CONDITIONS' '' \
        'TDX_PAGE_ALREADY_ACCEPTED' '' \
        'TDX_PAGE_SIZE_MISMATCH' '' \
        'TDX_GPA_RANGE_BLOCKED' '' \
        'TDX_EPT_ENTRY_STATE_INCORRECT' '' \
        'TDX_EPT_PAGE_NOT_FREE' '' \
        'TDX_L2_SEPT_WALK_FAILED' '' \
        'TDX_L2_SEPT_ENTRY_NOT_FREE' '' \
        'TDX_PAGE_ATTR_INVALID' '' \
        'TDX_L2_SEPT_PAGE_NOT_PROVIDED' '' \
        'TDX_BLOCKED_MEMORY_EXISTS' '' \
        'TDX_METADATA_FIELD_ID_INCORRECT' '' \
        'TDX_METADATA_FIELD_NOT_WRITABLE' '' \
        'TDX_METADATA_FIELD_NOT_READABLE' '' \
        'TDX_METADATA_FIELD_VALUE_NOT_VALID' '' \
        'TDX_METADATA_LIST_OVERFLOW' '' \
        'TDX_INVALID_METADATA_LIST_HEADER' '' \
        'TDX_REQUIRED_METADATA_FIELD_MISSING' '' \
        'TDX_METADATA_ELEMENT_SIZE_INCORRECT' '' \
        'TDX_METADATA_LAST_ELEMENT_INCORRECT' '' \
        'TDX_METADATA_FIELD_CURRENTLY_NOT_WRITABLE' '' \
        'TDX_METADATA_WR_MASK_NOT_VALID' '' \
        'TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT' '' \
        'TDX_METADATA_FIELD_SKIP' '' \
        'TDX_VIRTUAL_MSR_VALUE_NOT_VALID' '' \
        'TDX_METADATA_FIELD_NOT_ALLOCATED' '' \
        'TDX_SERVTD_ALREADY_BOUND_FOR_TYPE' '' \
        'TDX_SERVTD_TYPE_MISMATCH' '' \
        'TDX_SERVTD_ATTR_MISMATCH' '' \
        'TDX_SERVTD_INFO_HASH_MISMATCH' '' \
        'TDX_SERVTD_UUID_MISMATCH' '' \
        'TDX_SERVTD_NOT_BOUND' '' \
        'TDX_SERVTD_BOUND' '' \
        'TDX_TARGET_UUID_MISMATCH' '' \
        'TDX_TARGET_UUID_UPDATED' '' \
        'TDX_SERVTD_NESTING_NOT_ALLOWED' '' \
        'TDX_SERVTD_CANNOT_BE_MIGRATABLE' '' \
        'TDX_INVALID_MBMD' '' \
        'TDX_INCORRECT_MBMD_MAC' '' \
        'TDX_NOT_WRITE_BLOCKED' '' \
        'TDX_ALREADY_WRITE_BLOCKED' '' \
        'TDX_NOT_EXPORTED' '' \
        'TDX_MIGRATION_STREAM_STATE_INCORRECT' '' \
        'TDX_MAX_MIGS_NUM_EXCEEDED' '' \
        'TDX_EXPORTED_DIRTY_PAGES_REMAIN' '' \
        'TDX_MIGRATION_SESSION_KEY_NOT_SET' '' \
        'TDX_MIGRATION_DECRYPTION_KEY_NOT_SET' '' \
        'TDX_TD_NOT_MIGRATABLE' '' \
        'TDX_PREVIOUS_EXPORT_CLEANUP_INCOMPLETE' '' \
        'TDX_NUM_MIGS_HIGHER_THAN_CREATED' '' \
        'TDX_IMPORT_MISMATCH' '' \
        'TDX_MIGRATION_EPOCH_OVERFLOW' '' \
        'TDX_MAX_EXPORTS_EXCEEDED' '' \
        'TDX_INVALID_PAGE_MAC' '' \
        'TDX_MIGRATED_IN_CURRENT_EPOCH' '' \
        'TDX_DISALLOWED_IMPORT_OVER_REMOVED' '' \
        'TDX_SOME_VCPUS_NOT_MIGRATED' '' \
        'TDX_ALL_VCPUS_IMPORTED' '' \
        'TDX_MIN_MIGS_NOT_CREATED' '' \
        'TDX_VCPU_ALREADY_EXPORTED' '' \
        'TDX_INVALID_MIGRATION_DECRYPTION_KEY' '' \
        'TDX_MEM_RANGE_SCAN_SUCCESS' '' \
        'TDX_MEM_SCAN_SUCCESS' '' \
        'TDX_MEM_SCAN_FAILED_BLOCKED_RANGE' '' \
        'TDX_MEM_SCAN_FAILED_OTHER_THREAD' '' \
        'TDX_MEM_SCAN_CONFIG_REQUIRED' '' \
        'TDX_MEM_SCAN_ALREADY_SUCCESSFUL' '' \
        'TDX_UNEXPORTED_MEMORY_REMAINS' '' \
        'TDX_MEM_SCAN_CONFIG_ALREADY_DONE' '' \
        'TDX_MEM_SCAN_IN_PROGRESS' '' \
        'TDX_BLOCKING_DISALLOWED' '' \
        'TDX_MEM_SCAN_DCHECK_NOT_DONE' '' \
        'TDX_INCOMPATIBLE_MBMD_MAC_CONTEXT' '' \
        'TDX_INCOMPATIBLE_EXPORT_MODE_TD_NON_ACCESSIBLE' '' \
        'TDX_IOMMU_INVALID_STATE' '' \
        'TDX_IOMMU_IQ_FULL' '' \
        'TDX_IOMMU_RP_NOT_CONFIGURED' '' \
        'TDX_IOMMU_IOTLB_TRACKING_NOT_DONE' '' \
        'TDX_IOMMU_RP_IDE_MUST_BE_DISABLED' '' \
        'TDX_SPDM_HAS_ACTIVE_IDE_STREAMS' '' \
        'TDX_SPDM_INVALID_STATE' '' \
        'TDX_DMAR_INVALID_MAPPING_STATE' '' \
        'TDX_DMAR_INVALID_INV_STATE' '' \
        'TDX_DMAR_INVALID_RID_PASID' '' \
        'TDX_DEVIF_HANDLE_ERROR' '' \
        'TDX_DEVIF_PKH_MISMATCH' '' \
        'TDX_DEVIF_INVALID' '' \
        'TDX_DEVIF_ALREADY_VALID' '' \
        'TDX_DEVIF_TDISP_INVALID_REQ_STS' '' \
        'TDX_DEVIF_TDISP_INVALID_MESSAGE' '' \
        'TDX_DEVIF_TDISP_INVALID_STATE' '' \
        'TDX_DEVIF_INVALID_STATE' '' \
        'TDX_DEVIF_HAS_BOUND_PASIDS' '' \
        'TDX_DEVIF_HAS_MAPPED_MMIO' '' \
        'TDX_DEVIF_TDISP_OUT_REQ' '' \
        'TDX_IDE_STREAM_NOT_FREE' '' \
        'TDX_IDE_STREAM_NOT_SUPPORTED' '' \
        'TDX_IDE_STREAM_NOT_CONFIGURED' '' \
        'TDX_IDE_STREAM_BLOCKED' '' \
        'TDX_IDE_STREAM_NOT_BLOCKED' '' \
        'TDX_IDE_STREAM_ADDR_OVERLAP' '' \
        'TDX_IDE_STREAM_RID_OVERLAP' '' \
        'TDX_IDE_STREAM_KEY_ID_ALREADY_USED' '' \
        'TDX_IDE_STREAM_IDE_ID_ALREADY_USED' '' \
        'TDX_IDE_STREAM_HAS_DEVICE_INTERFACES' '' \
        'TDX_IDE_STREAM_IDEKM_OUTREQ' '' \
        'TDX_IDE_STREAM_IDEKM_KEYS_NOT_READY' '' \
        'TDX_IDE_STREAM_IDEKM_NO_ENTROPY' '' \
        'TDX_IDE_STREAM_IDEKM_INVALID_RESPONSE' '' \
        'TDX_IDE_STREAM_INVALID_STATE' '' \
        'TDX_MMIO_INVALID_PAGE_METADATA' '' \
        'TDX_MMIO_ACCEPT_SIZE_MISMATCH' '' \
        'TDX_MMIO_DEVIF_OWNER_MISMATCH' '' \
        'TDX_MMIO_PAGE_ALREADY_ACCEPTED' '' \
        'TDX_PASID_TABLE_ALREADY_MAPPED' '' \
        'TDX_PASID_TABLE_NOT_MAPPED' '' \
        'TDX_PASID_TABLE_NOT_EMPTY' '' \
        'TDX_PASID_TD_ASSOCIATED_PASIDS_EXIST' '' \
        'TDX_PASID_TRACK_IN_PROGRESS' '' \
        'TDX_PASID_TRACK_PASID_MISMATCH' '' \
        'TDX_PASID_TRACK_NOT_DONE' '' \
        'TDX_PASID_DEVIF_OWNER_MISMATCH' '' \
        'TDX_GUEST_PASID_ALREADY_MAPPED' '' \
        'TDX_GUEST_PASID_NOT_MAPPED' '' \
        'TDX_PASIDMT_NOT_FOUND' '' \
        'TDX_PASIDMT_ALREADY_PRESENT' '' \
        'TDX_PASIDMT_NOT_PRESENT' '' \
        'TDX_PASIDMT_INVALID_STATE' '' \
        'TDX_PASIDMT_PAGE_NOT_EMPTY' '' \
        'TDX_DMAR_INDEX_OUT_OF_BOUNDS' '' \
        'TDX_DMAR_ENTRY_NOT_PRESENT' '' \
        'TDX_TD_HAS_ATTACHED_DEVICES' '' \
        'TDX_IOMMU_IOTLB_TRACKING_NOT_REQUIRED' '' \
        'TDX_SPDM_AUTH_FAILED' '' \
        'TDX_IOMMU_MT_PAGE_IN_USE' '' \
        'TDX_IOMMU_KCB_MUST_BE_DISABLED' '' \
        'TDX_DEVIF_HAS_MAPPED_DMA' '' \
        'TDX_DEVIFMT_NOT_PRESENT' '' \
        'TDX_DEVIF_INVALID_METADATA' '' \
        'TDX_DEVIFMT_ALREADY_PRESENT' '' \
        'TDX_SPDM_ENTRY_ALREADY_PRESENT' '' \
        'TDX_SPDM_ENTRY_NOT_PRESENT' '' \
        'TDX_SPDM_SESSION_KEY_REQUIRE_REFRESH' '' \
        'TDX_CONNECT_INVALID_STATE' '' \
        'TDX_MMIOMT_NOT_PRESENT' '' \
        'TDX_IOMMU_RP_INVALID_CONFIGURATION' '' \
        'TDX_DEVIF_INVALID_TDI_CONFIGURATION' '' \
        'TDX_DEVIF_TDISP_ERROR_STATE' '' \
        'TDX_DEVIF_TDISP_INVALID_REPORT' '' \
        'TDX_MMIO_PAGE_NOT_IN_ASSOC_RANGE' '' \
        'TDX_MMIO_INVALID_HPA_OFFSET' '' \
        'TDX_SPDM_INVALID_MESSAGE' '' \
        'TDX_TPR_INVALID_STATE' '' \
        'TDX_SMRR_OVERLAPS_IO_RANGE' '' \
        'TDX_IOMMU_ECMD_TIMEOUT' '' \
        'TDX_IOMMU_ECMD_ERROR' '' \
        'TDX_GUEST_INV_NOT_REQUIRED' '' \
        'TDX_GUEST_INV_IN_PROGRESS' '' \
        'TDX_GUEST_INV_INVALID_DESC' '' \
        'TDX_IOTLB_INV_REQUEST' '' \
        'TDX_TPR_RANGE_ENABLED' '' \
        'TDX_INVALID_CPUSVN' '' \
        'TDX_INVALID_REPORTMACSTRUCT' '' \
        'TDX_MR_KEY_GET_NOT_SUPPORTED' '' \
        'TDX_SVN_INVALID' '' \
        'TDX_L2_EXIT_HOST_ROUTED_ASYNC' '' \
        'TDX_L2_EXIT_HOST_ROUTED_TDVMCALL' '' \
        'TDX_L2_EXIT_PENDING_INTERRUPT' '' \
        'TDX_L2_VM_ENTRY_FAILED' '' \
        'TDX_PENDING_INTERRUPT' '' \
        'TDX_TD_EXIT_BEFORE_L2_ENTRY' '' \
        'TDX_TD_EXIT_ON_L2_VM_EXIT' '' \
        'TDX_TD_EXIT_ON_L2_TO_L1' '' \
        'TDX_GLA_NOT_CANONICAL' '' \
        'UNINITIALIZE_ERROR' '' \
        'TD_MIGRATION' '' \
        'TD_PRESERVING' '' \
        'SERVICE_TD' '' \
        'TDG_VP_RDWR' '' \
        'RELAXED_MEM_MNG_CONCURRENCY' '' \
        'CPUID_VIRT_GUEST_CTRL' '' \
        'TDX_CONNECT' '' \
        'TD_PARTITIONING' '' \
        'LOCAL_ATTESTATION' '' \
        'TD_ENTRY_ENHANCEMENTS' '' \
        'HOST_PRIORITY_LOCKS' '' \
        'CONFIG_IA32_ARCH_CAPABILITIES' '' \
        'HW_SEALING' '' \
        'PENDING_EPT_VIOLATION_V2' '' \
        'FMS_CONFIG' '' \
        'NO_RBP_MOD' '' \
        'L2_TLB_INVD_OPT' '' \
        'TOPOLOGY_ENUM' '' \
        'PARTITIONED_TD_MIGRATION' '' \
        'CLFLUSH_BEFORE_ALLOC' '' \
        'EVENT_FILTERING' '' \
        'ICSSD' '' \
        'FIXED_CTR12_PROF' '' \
        'MAXPA_VIRT' '' \
        'APX' '' \
        'CPUID2_VIRT' '' \
        'VE_REDUCTION' '' \
        'ENHANCED_EVENT_FILTERING' '' \
        'TDX_CONNECT_PARTITIONING' '' \
        'MAXGPA_VIRT' '' \
        'DYNAMIC_PAMT' '' \
        'FATAL_DIAGNOSTICS' '' \
        'PAGE_RELEASE' '' \
        'NRX' '' \
        'ENHANCED_INTR_STATE' '' \
        'NON_BLOCKING_EXPORT' '' \
        'PERF_MASK' '' \
        'SCAN_EXPORT_RESTORE' '' \
        'IMPORT_PAGE_STATUS' '' \
        'ENHANCED_INTR_VIRTUALIZATION' '' \
        'VE_INFO_INTR_STATE' '' \
        'UPDATE_COMPATIBILITY' '' \
        'SERVTD_REBIND' '' \
        'TDID_VMID_REPORTING' '' \
        'QUOTE' '' \
        'ENHANCED_DEMOTE_INTERRUPTIBILITY' '' \
        'DEBUG_RO_TD_MIGRATION' '' \
        'SYS_DISABLE' '' \
        'LIST_ERROR_COUNT' '' \
        'SEALKEY_128' '' \
        'SEALKEY_256' '' \
        'DEBUG' '' \
        'HGS_PLUS_PROF' '' \
        'PERF_PROF' '' \
        'PMT_PROF' '' \
        'SERVTD_EXT' '' \
        'LASS' '' \
        'SEPT_VE_DISABLE' '' \
        'MIGRATABLE' '' \
        'PKS' '' \
        'KL' '' \
        'TPA' '' \
        'PERFMON' '' \
        'X87' '' \
        'SSE' '' \
        'AVX' '' \
        'BNDREGS' '' \
        'BNDCSR' '' \
        'AVX512_KMASK' '' \
        'AVX512_ZMM_HI256' '' \
        'AVX512_HI16_ZMM' '' \
        'PT' '' \
        'PKRU' '' \
        'PASID' '' \
        'CET_U' '' \
        'CET_S' '' \
        'HDC' '' \
        'UINTR' '' \
        'LBR' '' \
        'HWP' '' \
        'XTILECFG' '' \
        'XTILEDATA' '' \
        'DEBUG_MODULE' '' \
        'GPAW' '' \
        'FLEXIBLE_PENDING_VE' '' \
        'SEALING' '' \
        'INSTANCE_BINDING' '' \
        'SOLICITED_BINDING' '' \
        'PLATFORM_BINDING' '' \
        'MIGRATABLE_BINDING' '' \
        'IGNORE_ATTRIBUTES' '' \
        'IGNORE_XFAM' '' \
        'IGNORE_MRTD' '' \
        'IGNORE_MRCONFIGID' '' \
        'IGNORE_MROWNER' '' \
        'IGNORE_MROWNERCONFIG' '' \
        'IGNORE_RTMR0' '' \
        'IGNORE_RTMR1' '' \
        'IGNORE_RTMR2' '' \
        'IGNORE_RTMR3' '' \
        'IGNORE_SERVTD_HASH' '' \
        'R' '' \
        'W' '' \
        'XS' '' \
        'XU' '' \
        'VGP' '' \
        'PWA' '' \
        'SSS' '' \
        'SVE' '' \
        'VALID' '' \
        'EPT_VIOLATION_ON_L2_SEPT_WALK_FAILURE' '' \
        'HINT_ON_VINTR_PENDING' '' \
        'HINT_ON_VINTR_IN_SERVICE' '' \
        'HINT_ON_VNMI_PENDING' '' \
        'ENABLE_SHARED_EPTP' '' \
        'ENABLE_TDVMCALL' '' \
        'ENABLE_EXTENDED_VE' '' \
        'TD_EXIT_ON_L1_TO_L2' '' \
        'TD_EXIT_ON_L2_TO_L1' '' \
        'TD_EXIT_ON_L2_VM_EXIT' '' \
        'PENDING_VE_DISABLE' '' \
        'ENUM_TOPOLOGY' '' \
        'VIRT_CPUID2' '' \
        'REDUCE_VE' '' \
        'ENABLE_HW_KEYS' '' \
        'LOCK' '' \
        'RDCL_NO' '' \
        'IBRS_ALL' '' \
        'RSBA' '' \
        'SKIP_L1DFL_VMENTRY' '' \
        'SSB_NO' '' \
        'MDS_NO' '' \
        'IF_PSCHANGE_MC_NO' '' \
        'TSX_CTRL' '' \
        'TAA_NO' '' \
        'MCU_CONTROL' '' \
        'MISC_PACKAGE_CTLS' '' \
        'ENERGY_FILTERING_CTL' '' \
        'DOITM' '' \
        'SBDR_SSDP_NO' '' \
        'FBSDP_NO' '' \
        'PSDP_NO' '' \
        'FB_CLEAR' '' \
        'FB_CLEAR_CTRL' '' \
        'RRSBA' '' \
        'BHI_NO' '' \
        'XAPIC_DISABLE_STATUS' '' \
        'OVERCLOCKING_STATUS' '' \
        'PBRSB_NO' ''
end

function __tdxinfo_offer_diff_a
    printf '%s\t%s\n' \
        'live' 'This machine' \
        'example:emr-five-cmrs' 'A recorded host' \
        'example:linux-6.17-emulated' 'A recorded host' \
        'example:linux-7.3-emulated' 'A recorded host' \
        'example:module-never-loaded' 'A recorded host' \
        'example:mvp-features' 'A recorded host' \
        'example:no-rbp-mod-refused' 'A recorded host'
end

function __tdxinfo_offer_schema_document
    printf '%s\t%s\n' \
        'dump' '' \
        'check' '' \
        'explain' '' \
        'diff' '' \
        'fleet' '' \
        'helper' ''
end

complete -c tdxinfo -f

# tdxinfo
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\' 1' -a dump -d 'Show what is known of the TDX host, or the facts named'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\' 1' -a check -d 'Judge whether this host is ready to run trust domains'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\' 1' -a explain -d 'Tell what a field, bit, code, check or fact means'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\' 1' -a capture -d 'Write a record of this host that --from replays'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\' 1' -a diff -d 'Show what differs between two hosts, reports or captures'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\' 1' -a fleet -d 'Judge many reports or captures; unusual hosts first'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\' 1' -a helper -d 'Build, load or remove the helper that reads everything'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\' 1' -a schema -d 'Print the JSON Schema of what --json prints'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\'' -l version -d 'Show the version and exit'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo\'' -s h -l help -d 'Show this message and exit'

# tdxinfo dump
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -x -a '(__tdxinfo_offer_dump_facts)'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -l all-sources -d 'Ask every place, not only the first that answers'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -l fields -d 'List the TDX module\'s metadata, every field with its id'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -l map -d 'Draw the physical memory to scale; goes with `memory`, and not with JSON'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo dump\'' -s h -l help -d 'Show this message and exit'

# tdxinfo check
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l only -x -a '(__tdxinfo_offer_check_only)' -d 'Judge by these checks alone'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l skip -x -a '(__tdxinfo_offer_check_only)' -d 'Leave these checks out'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l group -x -a '(__tdxinfo_offer_check_group)' -d 'Judge by these groups alone'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l policy -F -r -d 'Also judge by the terms in a TOML file'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l strict -d 'Take a warning for a failure'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l failed-only -d 'Show only checks that failed or warn'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l output -F -r -d 'Put the answer into FILE, whole or not at all, readable for all'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l expires -x -d 'With --format nfd: NFD forgets the answer after HOURS'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo check\'' -s h -l help -d 'Show this message and exit'

# tdxinfo explain
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo explain\'' -x -a '(__tdxinfo_offer_explain_what)'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo explain\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo explain\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo explain\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo explain\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo explain\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo explain\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo explain\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo explain\'' -s h -l help -d 'Show this message and exit'

# tdxinfo capture
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\' 1' -F
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\'' -l keep-identity -d 'Also keep what names the machine: the whole kernel log, host name, UUIDs, addresses'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo capture\'' -s h -l help -d 'Show this message and exit'

# tdxinfo diff
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\' 1' -F -a '(__tdxinfo_offer_diff_a)'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\' 2' -F -a '(__tdxinfo_offer_diff_a)'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -l ignore -x -a '(__tdxinfo_offer_dump_facts)' -d 'Leave these facts out'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -l all -d 'Also compare what is always in motion'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -l strict -d 'Take what only one of both tells for a difference'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo diff\'' -s h -l help -d 'Show this message and exit'

# tdxinfo fleet
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -F
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -l print-playbook -d 'Print an Ansible playbook that gathers reports'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -l print-timer -d 'Print systemd units that keep the metrics current'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo fleet\'' -s h -l help -d 'Show this message and exit'

# tdxinfo helper
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper\' 1' -a status -d 'Tell whether it is loaded, and could be built here'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper\' 1' -a build -d 'Build it for this kernel, without root'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper\' 1' -a load -d 'Load it into the kernel'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper\' 1' -a unload -d 'Remove it from the kernel'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper\' 1' -a dkms -d 'Write a tree for DKMS'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper\'' -s h -l help -d 'Show this message and exit'

# tdxinfo helper status
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper status\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper status\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper status\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper status\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper status\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper status\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper status\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper status\'' -s h -l help -d 'Show this message and exit'

# tdxinfo helper build
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -l directory -F -r -d 'Build there'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -l headers -F -r -d 'The kernel to build for'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -l dry-run -d 'Print the commands, and run none of them'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper build\'' -s h -l help -d 'Show this message and exit'

# tdxinfo helper load
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -l directory -F -r -d 'Take the module that `build` made there'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -l dry-run -d 'Print the commands, and run none of them'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper load\'' -s h -l help -d 'Show this message and exit'

# tdxinfo helper unload
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper unload\'' -l dry-run -d 'Print the commands, and run none of them'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper unload\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper unload\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper unload\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper unload\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper unload\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper unload\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper unload\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper unload\'' -s h -l help -d 'Show this message and exit'

# tdxinfo helper dkms
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -l directory -F -r -d 'Write the tree there'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -l install -d 'Also run the commands, as root'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -l dry-run -d 'Print the commands, and run none of them'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo helper dkms\'' -s h -l help -d 'Show this message and exit'

# tdxinfo schema
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo schema\' 1' -x -a '(__tdxinfo_offer_schema_document)'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo schema\'' -l from -F -r -a '(__tdxinfo_offer_tdxinfo_source)' -d 'Read a capture, a report, a kernel log, a dump, - or an example, not this machine'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo schema\'' -l vmlinux -F -r -d 'With a crash dump: the kernel\'s vmlinux, where the dump lacks symbols or BTF'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo schema\'' -l format -x -a '(__tdxinfo_offer_tdxinfo_format)' -d 'How to print the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo schema\'' -l json -d 'Short for --format json'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo schema\'' -l color -x -a '(__tdxinfo_offer_tdxinfo_color)' -d 'Use colour'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo schema\'' -s q -l quiet -d 'Print nothing but errors; the exit status is the answer'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo schema\'' -s v -l verbose -d 'Also print where each value came from'
complete -c tdxinfo -n '__tdxinfo_at \'tdxinfo schema\'' -s h -l help -d 'Show this message and exit'
