//! The attributes of Azure's types that stand for members of a resource in the spelling of its resource manager.

/// The attributes of one type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The type, as Konductor calls it.
    pub(crate) resource_type: &'static str,
    /// The type, as Azure calls it.
    pub(crate) kind: &'static str,
    /// The attributes, each with the path that it stands for. Others stand for themselves.
    pub(crate) paths: &'static [(&'static str, &'static str)],
}

/// Returns the attributes of a type; none where it is no type of Azure's with attributes of its own.
pub(crate) fn names(resource_type: &str) -> Option<&'static Names> {
    ALL.iter().find(|names| names.resource_type == resource_type)
}

/// Returns the type with attributes of its own for one of Azure's.
pub(crate) fn type_of(kind: &str) -> Option<&'static str> {
    let found = ALL.iter().find(|names| names.kind.eq_ignore_ascii_case(kind))?;
    Some(found.resource_type)
}

/// Returns the attribute that stands for a path, with what of the path is below it.
pub(crate) fn declared(names: &Names, path: &str) -> Option<String> {
    names.paths.iter().find_map(|(name, known)| {
        if *known == path {
            return Some((*name).to_owned());
        }
        let below = path.strip_prefix(known)?.strip_prefix('.')?;
        Some(format!("{name}.{below}"))
    })
}

static ALL: &[Names] = &[
    Names {
        resource_type: "azure:compute:VirtualMachine",
        kind: "Microsoft.Compute/virtualMachines",
        paths: &[
            ("size", "properties.hardwareProfile.vmSize"),
            ("storage", "properties.storageProfile"),
            ("os", "properties.osProfile"),
            (
                "network_interfaces",
                "properties.networkProfile.networkInterfaces",
            ),
            ("security", "properties.securityProfile"),
            ("zones", "zones"),
            ("availability_set_id", "properties.availabilitySet.id"),
            ("priority", "properties.priority"),
            ("identity", "identity"),
            ("plan", "plan"),
            ("vm_id", "properties.vmId"),
        ],
    },
    Names {
        resource_type: "azure:dns:Zone",
        kind: "Microsoft.Network/dnsZones",
        paths: &[("name_servers", "properties.nameServers")],
    },
    Names {
        resource_type: "azure:keyvault:Vault",
        kind: "Microsoft.KeyVault/vaults",
        paths: &[
            ("tenant_id", "properties.tenantId"),
            ("sku", "properties.sku.name"),
            ("role_authorization", "properties.enableRbacAuthorization"),
            ("access_policies", "properties.accessPolicies"),
            ("soft_delete_days", "properties.softDeleteRetentionInDays"),
            ("purge_protection", "properties.enablePurgeProtection"),
            ("public_network_access", "properties.publicNetworkAccess"),
            ("network_rules", "properties.networkAcls"),
            ("vault_uri", "properties.vaultUri"),
        ],
    },
    Names {
        resource_type: "azure:identity:UserAssignedIdentity",
        kind: "Microsoft.ManagedIdentity/userAssignedIdentities",
        paths: &[
            ("isolation_scope", "properties.isolationScope"),
            ("principal_id", "properties.principalId"),
            ("client_id", "properties.clientId"),
            ("tenant_id", "properties.tenantId"),
        ],
    },
    Names {
        resource_type: "azure:network:VirtualNetwork",
        kind: "Microsoft.Network/virtualNetworks",
        paths: &[
            ("address_prefixes", "properties.addressSpace.addressPrefixes"),
            ("dns_servers", "properties.dhcpOptions.dnsServers"),
            ("flow_timeout_minutes", "properties.flowTimeoutInMinutes"),
            ("ddos_protection", "properties.enableDdosProtection"),
            ("ddos_protection_plan_id", "properties.ddosProtectionPlan.id"),
            ("encryption", "properties.encryption"),
            ("resource_guid", "properties.resourceGuid"),
        ],
    },
    Names {
        resource_type: "azure:network:Subnet",
        kind: "Microsoft.Network/virtualNetworks/subnets",
        paths: &[
            ("address_prefix", "properties.addressPrefix"),
            ("network_security_group_id", "properties.networkSecurityGroup.id"),
            ("route_table_id", "properties.routeTable.id"),
            ("nat_gateway_id", "properties.natGateway.id"),
            ("service_endpoints", "properties.serviceEndpoints"),
            ("delegations", "properties.delegations"),
            (
                "private_endpoint_network_policies",
                "properties.privateEndpointNetworkPolicies",
            ),
            ("default_outbound_access", "properties.defaultOutboundAccess"),
        ],
    },
    Names {
        resource_type: "azure:network:NetworkSecurityGroup",
        kind: "Microsoft.Network/networkSecurityGroups",
        paths: &[
            ("flush_connections", "properties.flushConnection"),
            ("resource_guid", "properties.resourceGuid"),
        ],
    },
    Names {
        resource_type: "azure:network:SecurityRule",
        kind: "Microsoft.Network/networkSecurityGroups/securityRules",
        paths: &[
            ("priority", "properties.priority"),
            ("direction", "properties.direction"),
            ("access", "properties.access"),
            ("protocol", "properties.protocol"),
            ("source_port_range", "properties.sourcePortRange"),
            ("destination_port_range", "properties.destinationPortRange"),
            ("destination_port_ranges", "properties.destinationPortRanges"),
            ("source_address_prefix", "properties.sourceAddressPrefix"),
            ("source_address_prefixes", "properties.sourceAddressPrefixes"),
            (
                "destination_address_prefix",
                "properties.destinationAddressPrefix",
            ),
            (
                "destination_address_prefixes",
                "properties.destinationAddressPrefixes",
            ),
            ("description", "properties.description"),
        ],
    },
    Names {
        resource_type: "azure:network:PublicIp",
        kind: "Microsoft.Network/publicIPAddresses",
        paths: &[
            ("sku", "sku.name"),
            ("allocation", "properties.publicIPAllocationMethod"),
            ("version", "properties.publicIPAddressVersion"),
            ("domain_name_label", "properties.dnsSettings.domainNameLabel"),
            ("idle_timeout_minutes", "properties.idleTimeoutInMinutes"),
            ("zones", "zones"),
            ("public_ip_prefix_id", "properties.publicIPPrefix.id"),
            ("ip_address", "properties.ipAddress"),
        ],
    },
    Names {
        resource_type: "azure:network:NetworkInterface",
        kind: "Microsoft.Network/networkInterfaces",
        paths: &[
            ("ip_configurations", "properties.ipConfigurations"),
            ("network_security_group_id", "properties.networkSecurityGroup.id"),
            ("dns_servers", "properties.dnsSettings.dnsServers"),
            ("ip_forwarding", "properties.enableIPForwarding"),
            ("accelerated_networking", "properties.enableAcceleratedNetworking"),
            ("mac_address", "properties.macAddress"),
        ],
    },
    Names {
        resource_type: "azure:network:RouteTable",
        kind: "Microsoft.Network/routeTables",
        paths: &[("disable_gateway_routes", "properties.disableBgpRoutePropagation")],
    },
    Names {
        resource_type: "azure:network:Route",
        kind: "Microsoft.Network/routeTables/routes",
        paths: &[
            ("address_prefix", "properties.addressPrefix"),
            ("next_hop_type", "properties.nextHopType"),
            ("next_hop_ip_address", "properties.nextHopIpAddress"),
        ],
    },
    Names {
        resource_type: "azure:network:NatGateway",
        kind: "Microsoft.Network/natGateways",
        paths: &[
            ("sku", "sku.name"),
            ("public_ip_addresses", "properties.publicIpAddresses"),
            ("public_ip_prefixes", "properties.publicIpPrefixes"),
            ("idle_timeout_minutes", "properties.idleTimeoutInMinutes"),
            ("zones", "zones"),
        ],
    },
    Names {
        resource_type: "azure:resources:ResourceGroup",
        kind: "Microsoft.Resources/resourceGroups",
        paths: &[("managed_by", "managedBy")],
    },
    Names {
        resource_type: "azure:storage:StorageAccount",
        kind: "Microsoft.Storage/storageAccounts",
        paths: &[
            ("kind", "kind"),
            ("sku", "sku.name"),
            ("access_tier", "properties.accessTier"),
            ("https_only", "properties.supportsHttpsTrafficOnly"),
            ("minimum_tls_version", "properties.minimumTlsVersion"),
            ("allow_blob_public_access", "properties.allowBlobPublicAccess"),
            ("allow_shared_key_access", "properties.allowSharedKeyAccess"),
            ("public_network_access", "properties.publicNetworkAccess"),
            ("hierarchical_namespace", "properties.isHnsEnabled"),
            ("network_rules", "properties.networkAcls"),
            ("encryption", "properties.encryption"),
            ("identity", "identity"),
            ("primary_endpoints", "properties.primaryEndpoints"),
        ],
    },
    Names {
        resource_type: "azure:storage:BlobContainer",
        kind: "Microsoft.Storage/storageAccounts/blobServices/containers",
        paths: &[
            ("public_access", "properties.publicAccess"),
            ("metadata", "properties.metadata"),
            ("default_encryption_scope", "properties.defaultEncryptionScope"),
        ],
    },
];

#[cfg(test)]
mod tests {
    use konductor_plugin_azure::typed::TYPES;

    use super::*;

    #[test]
    #[ignore]
    fn print_table() {
        for d in TYPES {
            println!(
                "    Names {{\n        resource_type: {:?},\n        kind: {:?},\n        paths: &[",
                d.name, d.arm_type
            );
            for a in d.attributes {
                println!("            ({:?}, {:?}),", a.name, a.path);
            }
            println!("        ],\n    }},");
        }
    }

    #[test]
    fn the_attributes_are_those_of_the_plugin() {
        for description in TYPES {
            let names = names(description.name).unwrap_or_else(|| panic!("{} is missing", description.name));
            assert_eq!(names.kind, description.arm_type);
            let paths: Vec<_> = description
                .attributes
                .iter()
                .map(|known| (known.name, known.path))
                .collect();
            assert_eq!(names.paths, paths, "{}", description.name);
        }
        assert_eq!(ALL.len(), TYPES.len());
    }

    #[test]
    fn a_path_is_declared_by_the_attribute_above_it() {
        let account = names("azure:storage:StorageAccount").unwrap();
        let path = declared(account, "properties.networkAcls.defaultAction");
        assert_eq!(path.as_deref(), Some("network_rules.defaultAction"));
        assert_eq!(declared(account, "properties.sasPolicy"), None);
    }
}
