# Completion of tdxinfo. Made by `python -m tests.artifacts`; it starts no program.

# What is offered for a value.
_tdxinfo_words() {
    case $1 in
        tdxinfo_source)
            words='example:emr-five-cmrs example:linux-6.17-emulated example:linux-7.3-emulated example:module-never-loaded example:mvp-features example:no-rbp-mod-refused'
            files=1
            ;;
        files)
            words=''
            files=1
            ;;
        tdxinfo_format)
            words='table json prometheus nfd junit markdown'
            files=
            ;;
        tdxinfo_color)
            words='auto always never'
            files=
            ;;
        dump_facts)
            words='platform platform.vendor platform.family platform.model platform.stepping platform.model_name platform.codename platform.cpus platform.cpus_present platform.package_offline platform.packages platform.physical_address_bits platform.instructions platform.errata platform.virtualization platform.memory_slots platform.memory_modules platform.system_vendor platform.system_product platform.system firmware firmware.vendor firmware.version firmware.date firmware.tme_enabled firmware.tme_locked firmware.tme_bypass firmware.keyid_bits firmware.seamrr_supported firmware.seamrr_configured firmware.seamrr_enabled firmware.seamrr_locked firmware.sgx_enabled firmware.mcheck_status firmware.preproduction keys keys.max_keyids keys.mktme_keyids keys.tdx_keyids keys.first_tdx_keyid keys.guest_keyids keys.guest_keyids_in_use keys.guest_keyids_peak keys.leaked seamldr seamldr.version seamldr.build_number seamldr.build_date seamldr.debug seamldr.remaining_updates seamldr.update_status seamldr.update_error seamldr.acm_svn module module.state module.version module.major module.minor module.update module.internal module.build_number module.build_date module.vendor_id module.debug module.release module.newest_release module.features0 module.features module.no_rbp_mod module.failed_calls module.esp_files module.fits_processor module.newest_for_processor module.handoff_version module.min_update_handoff_version module.no_downgrade module.failure memory memory.cmrs memory.cmr_bytes memory.tdmrs memory.tdx_memory memory.max_tdmrs memory.max_reserved_per_tdmr memory.pamt_4k_entry_size memory.pamt_2m_entry_size memory.pamt_1g_entry_size memory.pamt_bytes memory.tdmrs_used memory.pamt_on_other_node memory.added_memory_online memory.system_ram memory.system_ram_bytes memory.firmware_ram memory.added_ram memory.nodes memory.regions memory.ram_outside_cmrs memory.holes_from memory.plan memory.plan_by_cmrs memory.pamt_expected_bytes memory.pamt_difference_bytes td td.attributes_fixed0 td.attributes_fixed1 td.xfam_fixed0 td.xfam_fixed1 td.max_vcpus td.tdr_base_size td.tdcs_base_size td.tdvps_base_size td.cpuid_config td.max_service_tds td.live_migration td.partitioning td.config_flags_fixed0 td.config_flags_fixed1 td.servtd_attr_fixed0 td.servtd_attr_fixed1 td.vm_ctls_fixed0 td.vm_ctls_fixed1 td.l2_ctls_fixed0 td.l2_ctls_fixed1 td.arch_capabilities_mask td.min_virtual_maxpa td.max_migration_streams kernel kernel.release kernel.generation kernel.command_line kernel.config_tdx_host kernel.config_kvm_intel kernel.config_kvm_intel_tdx kernel.config_kexec_core kernel.config_hibernation kernel.hibernation kernel.tdx_detected kernel.disagreements kernel.kexec_loaded kernel.crash_kernel_loaded kernel.deep_sleep kernel.numa_balancing kernel.msr_device kernel.private_memory_error kernel.lockdown kernel.log_complete kvm kvm.loaded kvm.tdx_enabled kvm.device kvm.tdx_option kvm.ept kvm.eptad kvm.apicv kvm.tdp_mmu kvm.mmio_caching kvm.virt_at_load kvm.vm_type_supported kvm.supported_attributes kvm.supported_xfam kvm.cpuid_config kvm.max_vcpus kvm.refusal stack stack.qemu_path stack.qemu_version stack.qemu_tdx_guest stack.libvirt_version stack.tdx_firmware stack.firmware_images attestation attestation.sgx_enclave attestation.sgx_provision attestation.epc_bytes attestation.quote_service attestation.pccs attestation.pccs_is_local attestation.checks_certificate attestation.registration attestation.efivars_writable'
            files=
            ;;
        check_only)
            words='cpu cpu.vendor cpu.bare_metal cpu.model cpu.instructions cpu.seamrr cpu.production cpu.online cpu.errata firmware firmware.tme firmware.packages_agree firmware.seamrr_enabled firmware.seamrr_locked firmware.sgx firmware.mcheck firmware.tme_locked firmware.tme_bypass firmware.memory_modules keys keys.tdx_share keys.enough keys.headroom keys.leaked keys.counted kernel kernel.config_tdx_host kernel.generation kernel.config_kvm_tdx kernel.hibernation kernel.command_line kernel.tdx_detected kernel.log kernel.places_agree kernel.kexec kernel.machine_checks kernel.suspend kernel.numa_balancing kernel.msr module module.attempted module.loaded module.line module.no_rbp_mod module.initialized module.production module.topology_enum module.release module.fits_processor module.vcpus module.update_ready module.last_update module.calls module.esp memory memory.tdmrs_fit memory.cmrs_sane memory.cmrs_cover_ram memory.pamt memory.tdmr_headroom memory.pamt_local memory.hotplug kvm kvm.loaded kvm.parameters kvm.virt_at_load kvm.tdx_enabled kvm.vm_type kvm.device kvm.capabilities kvm.after_reboot stack stack.qemu stack.pairing stack.libvirt stack.firmware attestation attestation.sgx_devices attestation.epc attestation.quote_service attestation.pccs attestation.certificate attestation.registration attestation.efivars'
            files=
            ;;
        check_group)
            words='cpu firmware keys kernel module memory kvm stack attestation'
            files=
            ;;
        check_expires)
            words=''
            files=
            ;;
        explain_what)
            words='NUM_PKGS PKG_FMS VENDOR_ID BUILD_DATE BUILD_NUM MINOR_VERSION MAJOR_VERSION UPDATE_VERSION INTERNAL_VERSION MODULE_HV MIN_UPDATE_HV NO_DOWNGRADE NUM_HANDOFF_PAGES HANDOFF_DATA_VALID HANDOFF_DATA_HV HANDOFF_DATA_SIZE SYS_ATTRIBUTES NUM_TDX_FEATURES TDX_FEATURES0 NUM_CMRS CMR_BASE CMR_SIZE MAX_TDMRS MAX_RESERVED_PER_TDMR PAMT_4K_ENTRY_SIZE PAMT_2M_ENTRY_SIZE PAMT_1G_ENTRY_SIZE PAMT_PAGE_BITMAP_ENTRY_BITS MIN_DYNAMIC_PAMT_NUM_HKID_BITS TDR_BASE_SIZE TDCS_BASE_SIZE TDCS_SIZE_PER_L2_VM TDVPS_BASE_SIZE TDVPS_SIZE_PER_L2_VM ATTRIBUTES_FIXED0 ATTRIBUTES_FIXED1 XFAM_FIXED0 XFAM_FIXED1 NUM_CPUID_CONFIG CONFIG_FLAGS_FIXED0 CONFIG_FLAGS_FIXED1 MAX_VCPUS_PER_TD MIN_VIRT_MAXPA MAX_EVENT_FILTERS CPUID_CONFIG_LEAVES CPUID_CONFIG_VALUES IA32_ARCH_CAPABILITIES_CONFIG_MASK NUM_ALLOWED_FMS NUM_DISALLOWED_FMS ALLOWED_FMS DISALLOWED_FMS GUEST_GPA_ATTR_MASK MIG_ATTRIBUTES MIN_EXPORT_VERSION MAX_EXPORT_VERSION MIN_IMPORT_VERSION MAX_IMPORT_VERSION MAX_MIGS NUM_IMMUTABLE_STATE_PAGES NUM_TD_STATE_PAGES NUM_VP_STATE_PAGES NUM_MEM_SCAN_CONTROL_PAGES MAX_MEM_SCAN_RANGES NUM_MEM_SCAN_CONTEXTS MAX_SERV_TDS SERVTD_ATTR_FIXED0 SERVTD_ATTR_FIXED1 GUEST_L2_GPA_ATTR_MASK VM_CTLS_FIXED0 VM_CTLS_FIXED1 VPCU_L2_CTLS_FIXED0 VCPU_L2_CTLS_FIXED1 VPCU_L2_DEBUG_CTLS_FIXED0 VCPU_L2_DEBUG_CTLS_FIXED1 MAX_QUOTE_SIZE TDX_CONNECT_FEATURES IDE_MT_PAGE_COUNT SPDM_MT_PAGE_COUNT IOMMU_MT_PAGE_COUNT SPDM_MAX_DEV_INFO_PAGES MEMORY_POOL_REQUIRED_PAGES EXT_REQUIRED platform.vendor platform.family platform.model platform.stepping platform.model_name platform.codename platform.cpus platform.cpus_present platform.package_offline platform.packages platform.physical_address_bits platform.instructions platform.errata platform.virtualization platform.memory_slots platform.memory_modules platform.system_vendor platform.system_product platform.system firmware.vendor firmware.version firmware.date firmware.tme_enabled firmware.tme_locked firmware.tme_bypass firmware.keyid_bits firmware.seamrr_supported firmware.seamrr_configured firmware.seamrr_enabled firmware.seamrr_locked firmware.sgx_enabled firmware.mcheck_status firmware.preproduction keys.max_keyids keys.mktme_keyids keys.tdx_keyids keys.first_tdx_keyid keys.guest_keyids keys.guest_keyids_in_use keys.guest_keyids_peak keys.leaked seamldr.version seamldr.build_number seamldr.build_date seamldr.debug seamldr.remaining_updates seamldr.update_status seamldr.update_error seamldr.acm_svn module.state module.version module.major module.minor module.update module.internal module.build_number module.build_date module.vendor_id module.debug module.release module.newest_release module.features0 module.features module.no_rbp_mod module.failed_calls module.esp_files module.fits_processor module.newest_for_processor module.handoff_version module.min_update_handoff_version module.no_downgrade module.failure memory.cmrs memory.cmr_bytes memory.tdmrs memory.tdx_memory memory.max_tdmrs memory.max_reserved_per_tdmr memory.pamt_4k_entry_size memory.pamt_2m_entry_size memory.pamt_1g_entry_size memory.pamt_bytes memory.tdmrs_used memory.pamt_on_other_node memory.added_memory_online memory.system_ram memory.system_ram_bytes memory.firmware_ram memory.added_ram memory.nodes memory.regions memory.ram_outside_cmrs memory.holes_from memory.plan memory.plan_by_cmrs memory.pamt_expected_bytes memory.pamt_difference_bytes td.attributes_fixed0 td.attributes_fixed1 td.xfam_fixed0 td.xfam_fixed1 td.max_vcpus td.tdr_base_size td.tdcs_base_size td.tdvps_base_size td.cpuid_config td.max_service_tds td.live_migration td.partitioning td.config_flags_fixed0 td.config_flags_fixed1 td.servtd_attr_fixed0 td.servtd_attr_fixed1 td.vm_ctls_fixed0 td.vm_ctls_fixed1 td.l2_ctls_fixed0 td.l2_ctls_fixed1 td.arch_capabilities_mask td.min_virtual_maxpa td.max_migration_streams kernel.release kernel.generation kernel.command_line kernel.config_tdx_host kernel.config_kvm_intel kernel.config_kvm_intel_tdx kernel.config_kexec_core kernel.config_hibernation kernel.hibernation kernel.tdx_detected kernel.disagreements kernel.kexec_loaded kernel.crash_kernel_loaded kernel.deep_sleep kernel.numa_balancing kernel.msr_device kernel.private_memory_error kernel.lockdown kernel.log_complete kvm.loaded kvm.tdx_enabled kvm.device kvm.tdx_option kvm.ept kvm.eptad kvm.apicv kvm.tdp_mmu kvm.mmio_caching kvm.virt_at_load kvm.vm_type_supported kvm.supported_attributes kvm.supported_xfam kvm.cpuid_config kvm.max_vcpus kvm.refusal stack.qemu_path stack.qemu_version stack.qemu_tdx_guest stack.libvirt_version stack.tdx_firmware stack.firmware_images attestation.sgx_enclave attestation.sgx_provision attestation.epc_bytes attestation.quote_service attestation.pccs attestation.pccs_is_local attestation.checks_certificate attestation.registration attestation.efivars_writable cpu.vendor cpu.bare_metal cpu.model cpu.instructions cpu.seamrr cpu.production cpu.online cpu.errata firmware.tme firmware.packages_agree firmware.sgx firmware.mcheck firmware.memory_modules keys.tdx_share keys.enough keys.headroom keys.counted kernel.config_kvm_tdx kernel.log kernel.places_agree kernel.kexec kernel.machine_checks kernel.suspend kernel.msr module.attempted module.loaded module.line module.initialized module.production module.topology_enum module.vcpus module.update_ready module.last_update module.calls module.esp memory.cmrs_sane memory.cmrs_cover_ram memory.tdmrs_fit memory.pamt memory.tdmr_headroom memory.pamt_local memory.hotplug kvm.parameters kvm.vm_type kvm.capabilities kvm.after_reboot stack.qemu stack.pairing stack.libvirt stack.firmware attestation.sgx_devices attestation.epc attestation.certificate attestation.efivars policy.module_version policy.features IA32_FEATURE_CONTROL IA32_MKTME_KEYID_PARTITIONING SGX_AND_MCHECK_STATUS PLATFORM_INFO IA32_MTRRCAP IA32_VMX_BASIC IA32_SGX_SVN_STATUS IA32_TME_CAPABILITY IA32_TME_ACTIVATE IA32_SEAMRR_PHYS_BASE IA32_SEAMRR_PHYS_MASK TDH.SYS.KEY.CONFIG TDH.SYS.INFO TDH.SYS.INIT TDH.SYS.RD TDH.SYS.LP.INIT TDH.SYS.TDMR.INIT TDH.SYS.RDALL TDH.SYS.CONFIG TDH.SYS.SHUTDOWN TDH.SYS.UPDATE TDH.SYS.DISABLE TDX_SUCCESS TDX_NON_RECOVERABLE_VCPU TDX_NON_RECOVERABLE_TD TDX_INTERRUPTED_RESUMABLE TDX_INTERRUPTED_RESTARTABLE TDX_NON_RECOVERABLE_TD_FATAL TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE TDX_INVALID_RESUMPTION TDX_NON_RECOVERABLE_TD_WRONG_APIC_MODE TDX_CROSS_TD_FAULT TDX_CROSS_TD_TRAP TDX_NON_RECOVERABLE_TD_CORRUPTED_MD TDX_INTERRUPTED_LIST_FULL TDX_OPERAND_INVALID TDX_OPERAND_ADDR_RANGE_ERROR TDX_EVENT_FILTER_INVALID TDX_EVENT_FILTER_ORDER_INVALID TDX_OPERAND_BUSY TDX_PREVIOUS_TLB_EPOCH_BUSY TDX_SYS_BUSY TDX_RND_NO_ENTROPY TDX_OPERAND_BUSY_HOST_PRIORITY TDX_HOST_PRIORITY_BUSY_TIMEOUT TDX_INTERRUPTED_BUSY TDX_PAGE_METADATA_INCORRECT TDX_PAGE_ALREADY_FREE TDX_PAGE_NOT_OWNED_BY_TD TDX_PAGE_NOT_FREE TDX_HPA_RANGE_NOT_FREE TDX_NO_PAMT_PAGE_PAIR TDX_PAMT_PAGE_NOT_EMPTY TDX_INTERRUPTED_PAMT TDX_MISSING_PAMT_PAGE_PAIR TDX_TD_ASSOCIATED_PAGES_EXIST TDX_SYS_INIT_NOT_PENDING TDX_SYS_LP_INIT_NOT_DONE TDX_SYS_LP_INIT_DONE TDX_SYS_NOT_READY TDX_SYS_SHUTDOWN TDX_SYS_KEY_CONFIG_NOT_PENDING TDX_SYS_STATE_INCORRECT TDX_SYS_INVALID_HANDOFF TDX_SYS_INCOMPATIBLE_SIGSTRUCT TDX_SYS_LP_INIT_NOT_PENDING TDX_SYS_CONFIG_NOT_PENDING TDX_INCOMPATIBLE_SEAM_CAPABILITIES TDX_INCOMPATIBLE_SEAM_FEATURES TDX_CRYPTO_SELF_TEST_FAILED TDX_UPDATE_COMPATIBILITY_SENSITIVE TDX_TD_NOT_INITIALIZED TDX_TD_INITIALIZED TDX_TD_NOT_FINALIZED TDX_TD_FINALIZED TDX_TD_FATAL TDX_TD_NON_DEBUG TDX_TDCS_NOT_ALLOCATED TDX_LIFECYCLE_STATE_INCORRECT TDX_OP_STATE_INCORRECT TDX_NO_VCPUS TDX_DEBUG_MEM_NOT_WRITABLE TDX_TDCX_NUM_INCORRECT TDX_X2APIC_ID_NOT_UNIQUE TDX_INCOMPATIBLE_MRTD_CONTEXT TDX_VCPU_STATE_INCORRECT TDX_VCPU_ASSOCIATED TDX_VCPU_NOT_ASSOCIATED TDX_TDVPX_NUM_INCORRECT TDX_NO_VALID_VE_INFO TDX_MAX_VCPUS_EXCEEDED TDX_TSC_ROLLBACK TDX_INTERRUPTIBILITY_BLOCKED TDX_FIELD_NOT_WRITABLE TDX_FIELD_NOT_READABLE TDX_TD_VMCS_FIELD_NOT_INITIALIZED TD_VMCS_FIELD_ERROR TDX_KEY_GENERATION_FAILED TDX_TD_KEYS_NOT_CONFIGURED TDX_KEY_STATE_INCORRECT TDX_KEY_CONFIGURED TDX_WBCACHE_NOT_COMPLETE TDX_HKID_NOT_FREE TDX_NO_HKID_READY_TO_WBCACHE TDX_WBCACHE_RESUME_ERROR TDX_FLUSHVP_NOT_DONE TDX_NUM_ACTIVATED_HKIDS_NOT_SUPPORTED TDX_INCORRECT_CPUID_VALUE TDX_BOOT_NT4_SET TDX_LIMIT_CPUID_MAXVAL_SET TDX_INCONSISTENT_CPUID_FIELD TDX_CPUID_MAX_SUBLEAVES_UNRECOGNIZED TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED TDX_INVALID_WBINVD_SCOPE TDX_INVALID_PKG_ID TDX_ENABLE_MONITOR_FSM_NOT_SET TDX_CPUID_LEAF_NOT_SUPPORTED TDX_SMRR_NOT_LOCKED TDX_INVALID_SMRR_CONFIGURATION TDX_SMRR_OVERLAPS_CMR TDX_SMRR_LOCK_NOT_SUPPORTED TDX_SMRR_NOT_SUPPORTED TDX_INCONSISTENT_MSR TDX_INCORRECT_MSR_VALUE TDX_SEAMREPORT_NOT_AVAILABLE TDX_SEAMDB_GETREF_NOT_AVAILABLE TDX_SEAMDB_REPORT_NOT_AVAILABLE TDX_SEAMVERIFYREPORT_NOT_AVAILABLE TDX_INVALID_TDMR TDX_NON_ORDERED_TDMR TDX_TDMR_OUTSIDE_CMRS TDX_TDMR_ALREADY_INITIALIZED TDX_INVALID_PAMT TDX_PAMT_OUTSIDE_CMRS TDX_PAMT_OVERLAP TDX_INVALID_RESERVED_IN_TDMR TDX_NON_ORDERED_RESERVED_IN_TDMR TDX_CMR_LIST_INVALID TDX_EPT_WALK_FAILED TDX_EPT_ENTRY_FREE TDX_EPT_ENTRY_NOT_FREE TDX_EPT_ENTRY_NOT_PRESENT TDX_EPT_ENTRY_NOT_LEAF TDX_EPT_ENTRY_LEAF TDX_GPA_RANGE_NOT_BLOCKED TDX_GPA_RANGE_ALREADY_BLOCKED TDX_TLB_TRACKING_NOT_DONE TDX_EPT_INVALID_PROMOTE_CONDITIONS TDX_PAGE_ALREADY_ACCEPTED TDX_PAGE_SIZE_MISMATCH TDX_GPA_RANGE_BLOCKED TDX_EPT_ENTRY_STATE_INCORRECT TDX_EPT_PAGE_NOT_FREE TDX_L2_SEPT_WALK_FAILED TDX_L2_SEPT_ENTRY_NOT_FREE TDX_PAGE_ATTR_INVALID TDX_L2_SEPT_PAGE_NOT_PROVIDED TDX_BLOCKED_MEMORY_EXISTS TDX_METADATA_FIELD_ID_INCORRECT TDX_METADATA_FIELD_NOT_WRITABLE TDX_METADATA_FIELD_NOT_READABLE TDX_METADATA_FIELD_VALUE_NOT_VALID TDX_METADATA_LIST_OVERFLOW TDX_INVALID_METADATA_LIST_HEADER TDX_REQUIRED_METADATA_FIELD_MISSING TDX_METADATA_ELEMENT_SIZE_INCORRECT TDX_METADATA_LAST_ELEMENT_INCORRECT TDX_METADATA_FIELD_CURRENTLY_NOT_WRITABLE TDX_METADATA_WR_MASK_NOT_VALID TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT TDX_METADATA_FIELD_SKIP TDX_VIRTUAL_MSR_VALUE_NOT_VALID TDX_METADATA_FIELD_NOT_ALLOCATED TDX_SERVTD_ALREADY_BOUND_FOR_TYPE TDX_SERVTD_TYPE_MISMATCH TDX_SERVTD_ATTR_MISMATCH TDX_SERVTD_INFO_HASH_MISMATCH TDX_SERVTD_UUID_MISMATCH TDX_SERVTD_NOT_BOUND TDX_SERVTD_BOUND TDX_TARGET_UUID_MISMATCH TDX_TARGET_UUID_UPDATED TDX_SERVTD_NESTING_NOT_ALLOWED TDX_SERVTD_CANNOT_BE_MIGRATABLE TDX_INVALID_MBMD TDX_INCORRECT_MBMD_MAC TDX_NOT_WRITE_BLOCKED TDX_ALREADY_WRITE_BLOCKED TDX_NOT_EXPORTED TDX_MIGRATION_STREAM_STATE_INCORRECT TDX_MAX_MIGS_NUM_EXCEEDED TDX_EXPORTED_DIRTY_PAGES_REMAIN TDX_MIGRATION_SESSION_KEY_NOT_SET TDX_MIGRATION_DECRYPTION_KEY_NOT_SET TDX_TD_NOT_MIGRATABLE TDX_PREVIOUS_EXPORT_CLEANUP_INCOMPLETE TDX_NUM_MIGS_HIGHER_THAN_CREATED TDX_IMPORT_MISMATCH TDX_MIGRATION_EPOCH_OVERFLOW TDX_MAX_EXPORTS_EXCEEDED TDX_INVALID_PAGE_MAC TDX_MIGRATED_IN_CURRENT_EPOCH TDX_DISALLOWED_IMPORT_OVER_REMOVED TDX_SOME_VCPUS_NOT_MIGRATED TDX_ALL_VCPUS_IMPORTED TDX_MIN_MIGS_NOT_CREATED TDX_VCPU_ALREADY_EXPORTED TDX_INVALID_MIGRATION_DECRYPTION_KEY TDX_MEM_RANGE_SCAN_SUCCESS TDX_MEM_SCAN_SUCCESS TDX_MEM_SCAN_FAILED_BLOCKED_RANGE TDX_MEM_SCAN_FAILED_OTHER_THREAD TDX_MEM_SCAN_CONFIG_REQUIRED TDX_MEM_SCAN_ALREADY_SUCCESSFUL TDX_UNEXPORTED_MEMORY_REMAINS TDX_MEM_SCAN_CONFIG_ALREADY_DONE TDX_MEM_SCAN_IN_PROGRESS TDX_BLOCKING_DISALLOWED TDX_MEM_SCAN_DCHECK_NOT_DONE TDX_INCOMPATIBLE_MBMD_MAC_CONTEXT TDX_INCOMPATIBLE_EXPORT_MODE_TD_NON_ACCESSIBLE TDX_IOMMU_INVALID_STATE TDX_IOMMU_IQ_FULL TDX_IOMMU_RP_NOT_CONFIGURED TDX_IOMMU_IOTLB_TRACKING_NOT_DONE TDX_IOMMU_RP_IDE_MUST_BE_DISABLED TDX_SPDM_HAS_ACTIVE_IDE_STREAMS TDX_SPDM_INVALID_STATE TDX_DMAR_INVALID_MAPPING_STATE TDX_DMAR_INVALID_INV_STATE TDX_DMAR_INVALID_RID_PASID TDX_DEVIF_HANDLE_ERROR TDX_DEVIF_PKH_MISMATCH TDX_DEVIF_INVALID TDX_DEVIF_ALREADY_VALID TDX_DEVIF_TDISP_INVALID_REQ_STS TDX_DEVIF_TDISP_INVALID_MESSAGE TDX_DEVIF_TDISP_INVALID_STATE TDX_DEVIF_INVALID_STATE TDX_DEVIF_HAS_BOUND_PASIDS TDX_DEVIF_HAS_MAPPED_MMIO TDX_DEVIF_TDISP_OUT_REQ TDX_IDE_STREAM_NOT_FREE TDX_IDE_STREAM_NOT_SUPPORTED TDX_IDE_STREAM_NOT_CONFIGURED TDX_IDE_STREAM_BLOCKED TDX_IDE_STREAM_NOT_BLOCKED TDX_IDE_STREAM_ADDR_OVERLAP TDX_IDE_STREAM_RID_OVERLAP TDX_IDE_STREAM_KEY_ID_ALREADY_USED TDX_IDE_STREAM_IDE_ID_ALREADY_USED TDX_IDE_STREAM_HAS_DEVICE_INTERFACES TDX_IDE_STREAM_IDEKM_OUTREQ TDX_IDE_STREAM_IDEKM_KEYS_NOT_READY TDX_IDE_STREAM_IDEKM_NO_ENTROPY TDX_IDE_STREAM_IDEKM_INVALID_RESPONSE TDX_IDE_STREAM_INVALID_STATE TDX_MMIO_INVALID_PAGE_METADATA TDX_MMIO_ACCEPT_SIZE_MISMATCH TDX_MMIO_DEVIF_OWNER_MISMATCH TDX_MMIO_PAGE_ALREADY_ACCEPTED TDX_PASID_TABLE_ALREADY_MAPPED TDX_PASID_TABLE_NOT_MAPPED TDX_PASID_TABLE_NOT_EMPTY TDX_PASID_TD_ASSOCIATED_PASIDS_EXIST TDX_PASID_TRACK_IN_PROGRESS TDX_PASID_TRACK_PASID_MISMATCH TDX_PASID_TRACK_NOT_DONE TDX_PASID_DEVIF_OWNER_MISMATCH TDX_GUEST_PASID_ALREADY_MAPPED TDX_GUEST_PASID_NOT_MAPPED TDX_PASIDMT_NOT_FOUND TDX_PASIDMT_ALREADY_PRESENT TDX_PASIDMT_NOT_PRESENT TDX_PASIDMT_INVALID_STATE TDX_PASIDMT_PAGE_NOT_EMPTY TDX_DMAR_INDEX_OUT_OF_BOUNDS TDX_DMAR_ENTRY_NOT_PRESENT TDX_TD_HAS_ATTACHED_DEVICES TDX_IOMMU_IOTLB_TRACKING_NOT_REQUIRED TDX_SPDM_AUTH_FAILED TDX_IOMMU_MT_PAGE_IN_USE TDX_IOMMU_KCB_MUST_BE_DISABLED TDX_DEVIF_HAS_MAPPED_DMA TDX_DEVIFMT_NOT_PRESENT TDX_DEVIF_INVALID_METADATA TDX_DEVIFMT_ALREADY_PRESENT TDX_SPDM_ENTRY_ALREADY_PRESENT TDX_SPDM_ENTRY_NOT_PRESENT TDX_SPDM_SESSION_KEY_REQUIRE_REFRESH TDX_CONNECT_INVALID_STATE TDX_MMIOMT_NOT_PRESENT TDX_IOMMU_RP_INVALID_CONFIGURATION TDX_DEVIF_INVALID_TDI_CONFIGURATION TDX_DEVIF_TDISP_ERROR_STATE TDX_DEVIF_TDISP_INVALID_REPORT TDX_MMIO_PAGE_NOT_IN_ASSOC_RANGE TDX_MMIO_INVALID_HPA_OFFSET TDX_SPDM_INVALID_MESSAGE TDX_TPR_INVALID_STATE TDX_SMRR_OVERLAPS_IO_RANGE TDX_IOMMU_ECMD_TIMEOUT TDX_IOMMU_ECMD_ERROR TDX_GUEST_INV_NOT_REQUIRED TDX_GUEST_INV_IN_PROGRESS TDX_GUEST_INV_INVALID_DESC TDX_IOTLB_INV_REQUEST TDX_TPR_RANGE_ENABLED TDX_INVALID_CPUSVN TDX_INVALID_REPORTMACSTRUCT TDX_MR_KEY_GET_NOT_SUPPORTED TDX_SVN_INVALID TDX_L2_EXIT_HOST_ROUTED_ASYNC TDX_L2_EXIT_HOST_ROUTED_TDVMCALL TDX_L2_EXIT_PENDING_INTERRUPT TDX_L2_VM_ENTRY_FAILED TDX_PENDING_INTERRUPT TDX_TD_EXIT_BEFORE_L2_ENTRY TDX_TD_EXIT_ON_L2_VM_EXIT TDX_TD_EXIT_ON_L2_TO_L1 TDX_GLA_NOT_CANONICAL UNINITIALIZE_ERROR TD_MIGRATION TD_PRESERVING SERVICE_TD TDG_VP_RDWR RELAXED_MEM_MNG_CONCURRENCY CPUID_VIRT_GUEST_CTRL TDX_CONNECT TD_PARTITIONING LOCAL_ATTESTATION TD_ENTRY_ENHANCEMENTS HOST_PRIORITY_LOCKS CONFIG_IA32_ARCH_CAPABILITIES HW_SEALING PENDING_EPT_VIOLATION_V2 FMS_CONFIG NO_RBP_MOD L2_TLB_INVD_OPT TOPOLOGY_ENUM PARTITIONED_TD_MIGRATION CLFLUSH_BEFORE_ALLOC EVENT_FILTERING ICSSD FIXED_CTR12_PROF MAXPA_VIRT APX CPUID2_VIRT VE_REDUCTION ENHANCED_EVENT_FILTERING TDX_CONNECT_PARTITIONING MAXGPA_VIRT DYNAMIC_PAMT FATAL_DIAGNOSTICS PAGE_RELEASE NRX ENHANCED_INTR_STATE NON_BLOCKING_EXPORT PERF_MASK SCAN_EXPORT_RESTORE IMPORT_PAGE_STATUS ENHANCED_INTR_VIRTUALIZATION VE_INFO_INTR_STATE UPDATE_COMPATIBILITY SERVTD_REBIND TDID_VMID_REPORTING QUOTE ENHANCED_DEMOTE_INTERRUPTIBILITY DEBUG_RO_TD_MIGRATION SYS_DISABLE LIST_ERROR_COUNT SEALKEY_128 SEALKEY_256 DEBUG HGS_PLUS_PROF PERF_PROF PMT_PROF SERVTD_EXT LASS SEPT_VE_DISABLE MIGRATABLE PKS KL TPA PERFMON X87 SSE AVX BNDREGS BNDCSR AVX512_KMASK AVX512_ZMM_HI256 AVX512_HI16_ZMM PT PKRU PASID CET_U CET_S HDC UINTR LBR HWP XTILECFG XTILEDATA DEBUG_MODULE GPAW FLEXIBLE_PENDING_VE SEALING INSTANCE_BINDING SOLICITED_BINDING PLATFORM_BINDING MIGRATABLE_BINDING IGNORE_ATTRIBUTES IGNORE_XFAM IGNORE_MRTD IGNORE_MRCONFIGID IGNORE_MROWNER IGNORE_MROWNERCONFIG IGNORE_RTMR0 IGNORE_RTMR1 IGNORE_RTMR2 IGNORE_RTMR3 IGNORE_SERVTD_HASH R W XS XU VGP PWA SSS SVE VALID EPT_VIOLATION_ON_L2_SEPT_WALK_FAILURE HINT_ON_VINTR_PENDING HINT_ON_VINTR_IN_SERVICE HINT_ON_VNMI_PENDING ENABLE_SHARED_EPTP ENABLE_TDVMCALL ENABLE_EXTENDED_VE TD_EXIT_ON_L1_TO_L2 TD_EXIT_ON_L2_TO_L1 TD_EXIT_ON_L2_VM_EXIT PENDING_VE_DISABLE ENUM_TOPOLOGY VIRT_CPUID2 REDUCE_VE ENABLE_HW_KEYS LOCK RDCL_NO IBRS_ALL RSBA SKIP_L1DFL_VMENTRY SSB_NO MDS_NO IF_PSCHANGE_MC_NO TSX_CTRL TAA_NO MCU_CONTROL MISC_PACKAGE_CTLS ENERGY_FILTERING_CTL DOITM SBDR_SSDP_NO FBSDP_NO PSDP_NO FB_CLEAR FB_CLEAR_CTRL RRSBA BHI_NO XAPIC_DISABLE_STATUS OVERCLOCKING_STATUS PBRSB_NO'
            files=
            ;;
        diff_a)
            words='live example:emr-five-cmrs example:linux-6.17-emulated example:linux-7.3-emulated example:module-never-loaded example:mvp-features example:no-rbp-mod-refused'
            files=1
            ;;
        schema_document)
            words='dump check explain diff fleet helper'
            files=
            ;;
    esac
}

# What may follow a command. A + says that the last argument may be given again.
_tdxinfo_command() {
    case $1 in
        'tdxinfo')
            commands='dump check explain capture diff fleet helper schema'
            options='--version --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments=''
            ;;
        'tdxinfo dump')
            commands=''
            options='--all-sources --fields --map --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments='dump_facts+'
            ;;
        'tdxinfo check')
            commands=''
            options='--only --skip --group --policy --strict --failed-only --output --expires --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments=''
            ;;
        'tdxinfo explain')
            commands=''
            options='--from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments='explain_what+'
            ;;
        'tdxinfo capture')
            commands=''
            options='--keep-identity --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments='files'
            ;;
        'tdxinfo diff')
            commands=''
            options='--ignore --all --strict --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments='diff_a diff_a'
            ;;
        'tdxinfo fleet')
            commands=''
            options='--print-playbook --print-timer --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments='files+'
            ;;
        'tdxinfo helper')
            commands='status build load unload dkms'
            options='-h --help'
            arguments=''
            ;;
        'tdxinfo helper status')
            commands=''
            options='--from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments=''
            ;;
        'tdxinfo helper build')
            commands=''
            options='--directory --headers --dry-run --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments=''
            ;;
        'tdxinfo helper load')
            commands=''
            options='--directory --dry-run --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments=''
            ;;
        'tdxinfo helper unload')
            commands=''
            options='--dry-run --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments=''
            ;;
        'tdxinfo helper dkms')
            commands=''
            options='--directory --install --dry-run --from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments=''
            ;;
        'tdxinfo schema')
            commands=''
            options='--from --vmlinux --format --json --color -q --quiet -v --verbose -h --help'
            arguments='schema_document'
            ;;
    esac
}

# The list of an option's values, or none for a flag.
_tdxinfo_value() {
    case $1 in
        'tdxinfo --from' | \
            'tdxinfo dump --from' | \
            'tdxinfo check --from' | \
            'tdxinfo explain --from' | \
            'tdxinfo capture --from' | \
            'tdxinfo diff --from' | \
            'tdxinfo fleet --from' | \
            'tdxinfo helper status --from' | \
            'tdxinfo helper build --from' | \
            'tdxinfo helper load --from' | \
            'tdxinfo helper unload --from' | \
            'tdxinfo helper dkms --from' | \
            'tdxinfo schema --from')
            list=tdxinfo_source
            ;;
        'tdxinfo --vmlinux' | \
            'tdxinfo dump --vmlinux' | \
            'tdxinfo check --policy' | \
            'tdxinfo check --output' | \
            'tdxinfo check --vmlinux' | \
            'tdxinfo explain --vmlinux' | \
            'tdxinfo capture --vmlinux' | \
            'tdxinfo diff --vmlinux' | \
            'tdxinfo fleet --vmlinux' | \
            'tdxinfo helper status --vmlinux' | \
            'tdxinfo helper build --directory' | \
            'tdxinfo helper build --headers' | \
            'tdxinfo helper build --vmlinux' | \
            'tdxinfo helper load --directory' | \
            'tdxinfo helper load --vmlinux' | \
            'tdxinfo helper unload --vmlinux' | \
            'tdxinfo helper dkms --directory' | \
            'tdxinfo helper dkms --vmlinux' | \
            'tdxinfo schema --vmlinux')
            list=files
            ;;
        'tdxinfo --format' | \
            'tdxinfo dump --format' | \
            'tdxinfo check --format' | \
            'tdxinfo explain --format' | \
            'tdxinfo capture --format' | \
            'tdxinfo diff --format' | \
            'tdxinfo fleet --format' | \
            'tdxinfo helper status --format' | \
            'tdxinfo helper build --format' | \
            'tdxinfo helper load --format' | \
            'tdxinfo helper unload --format' | \
            'tdxinfo helper dkms --format' | \
            'tdxinfo schema --format')
            list=tdxinfo_format
            ;;
        'tdxinfo --color' | \
            'tdxinfo dump --color' | \
            'tdxinfo check --color' | \
            'tdxinfo explain --color' | \
            'tdxinfo capture --color' | \
            'tdxinfo diff --color' | \
            'tdxinfo fleet --color' | \
            'tdxinfo helper status --color' | \
            'tdxinfo helper build --color' | \
            'tdxinfo helper load --color' | \
            'tdxinfo helper unload --color' | \
            'tdxinfo helper dkms --color' | \
            'tdxinfo schema --color')
            list=tdxinfo_color
            ;;
        'tdxinfo check --only' | \
            'tdxinfo check --skip')
            list=check_only
            ;;
        'tdxinfo check --group')
            list=check_group
            ;;
        'tdxinfo check --expires')
            list=check_expires
            ;;
        'tdxinfo diff --ignore')
            list=dump_facts
            ;;
        *)
            list=
            ;;
    esac
}

_tdxinfo() {
    local path=tdxinfo list= words= files= commands= options= arguments=
    local word joined= prefix= breaks i
    local -a line=() lists=()

    # bash ends a word at : and =, which stand in options and in the names of examples.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ ${#line[@]} -gt 0 && ( $joined || $word == [:=]* ) ]]; then
            line[-1]+=$word
        else
            line+=("$word")
        fi
        [[ $word == *[:=] ]] && joined=1 || joined=
    done
    local current=${line[-1]} position=0
    unset 'line[-1]'

    _tdxinfo_command "$path"
    for word in "${line[@]}"; do
        if [[ $list ]]; then
            list=
        elif [[ $word == -* ]]; then
            [[ $word == *=* ]] || _tdxinfo_value "$path $word"
        elif [[ " $commands " == *" $word "* ]]; then
            path+=" $word"
            _tdxinfo_command "$path"
        else
            ((position += 1))
        fi
    done

    COMPREPLY=()
    if [[ ! $list && $current == --*=* ]]; then
        prefix=${current%%=*}=
        _tdxinfo_value "$path ${prefix%=}"
        current=${current#*=}
        [[ $list ]] || return
    elif [[ ! $list && $current == -* ]]; then
        words=$options
    elif [[ ! $list && $commands ]]; then
        ((position == 0)) && words=$commands
    elif [[ ! $list ]]; then
        lists=($arguments)
        list=${lists[position]}
        # The last argument may be given again where its list ends in +.
        [[ ! $list && $arguments == *+ ]] && list=${lists[-1]}
    fi
    [[ $list ]] && _tdxinfo_words "${list%+}"

    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [[ $files ]]; then
        # Only names of files may be escaped as such.
        [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o filenames 2>/dev/null
        while IFS= read -r word; do
            COMPREPLY+=("$word")
        done < <(compgen -f -- "$current")
    fi

    breaks=${COMP_WORDBREAKS//[^:=]/}
    [[ $prefix && $breaks != *=* ]] && COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
    if [[ $breaks && $current == *["$breaks"]* ]]; then
        word=${current%"${current##*["$breaks"]}"}
        COMPREPLY=("${COMPREPLY[@]#"$word"}")
    fi
}

complete -F _tdxinfo tdxinfo
