//! Elements of enterprises, and of vendors in NetFlow v9, that are met most.
//!
//! Numbers and kinds: Wireshark's `packet-netflow.c`, and where that has none (CERT, and the virtual networks of NSX) the
//! lists of elements that the enterprises publish. Names: as published where no other element has
//! the same, else with the enterprise before them. What is not here is shown by its number, as text
//! where it is printable.

use super::{Element, ElementId, Kind};
use crate::flow::Family::{self, V4, V6};

/// The numbers that nobody has, for what is ours.
pub(crate) const OWN_ENTERPRISE: u32 = u32::MAX;

/// Whose elements are known, by the numbers that IANA gave them; 0 where a number of NetFlow v9 is
/// not one of IANA's.
pub(super) const ENTERPRISES: [(u32, &[Element]); 10] = [
    (0, &V9),
    (9, &CISCO),
    (2636, &JUNIPER),
    (5951, &CITRIX),
    (6871, &CERT),
    (6876, &VMWARE),
    (10_704, &BARRACUDA),
    (26_866, &GIGAMON),
    (35_632, &NTOP),
    (OWN_ENTERPRISE, &OWN),
];

const fn of(number: u16, name: &'static str, kind: Kind) -> Element {
    Element { number, name, kind }
}

const fn unsigned(number: u16, name: &'static str) -> Element {
    of(number, name, Kind::Unsigned)
}

const fn text(number: u16, name: &'static str) -> Element {
    of(number, name, Kind::Text)
}

const fn octets(number: u16, name: &'static str) -> Element {
    of(number, name, Kind::Octets)
}

const fn address(number: u16, name: &'static str, family: Family) -> Element {
    of(number, name, Kind::Address(family))
}

/// The element that says who sent a flow, where a record names another exporter.
pub(crate) const SENT_BY: ElementId = ElementId { number: 1, enterprise: OWN_ENTERPRISE };

/// CERT's `reverseFlowDeltaMilliseconds` (YAF): from the first packet to the first that came back.
pub(crate) const REVERSE_DELAY: ElementId = ElementId { number: 21, enterprise: 6871 };

/// What we keep beside what exporters tell: who sent the flow, where a record names another
/// exporter.
const OWN: [Element; 1] = [address(1, "sentBy", V4)];

/// NetFlow v9, numbers of vendors: those of Cisco's ASA and of its security groups, and Palo Alto.
const V9: [Element; 15] = [
    octets(33_000, "ingressAclId"),
    octets(33_001, "egressAclId"),
    unsigned(33_002, "firewallExtendedEvent"),
    unsigned(34_000, "sgtSourceTag"),
    unsigned(34_001, "sgtDestinationTag"),
    text(34_002, "sgtSourceName"),
    text(34_003, "sgtDestinationName"),
    text(40_000, "aaaUserName"),
    address(40_001, "xlateSourceIPv4Address", V4),
    address(40_002, "xlateDestinationIPv4Address", V4),
    unsigned(40_003, "xlateSourcePort"),
    unsigned(40_004, "xlateDestinationPort"),
    unsigned(40_005, "asaFirewallEvent"),
    text(56_701, "paloAltoAppId"),
    text(56_702, "paloAltoUserId"),
];

/// Cisco: AVC, WAAS, media monitoring and MQC.
const CISCO: [Element; 37] = [
    unsigned(4251, "ciscoTransportPacketsLostCounter"),
    unsigned(4254, "ciscoTransportRtpSsrc"),
    unsigned(4257, "ciscoTransportRtpJitterMaximum"),
    unsigned(4273, "ciscoTransportRtpPayloadType"),
    unsigned(4325, "ciscoTransportRtpJitterMeanSum"),
    unsigned(8233, "ciscoC3plClassCceId"),
    text(8234, "ciscoC3plClassName"),
    unsigned(8236, "ciscoC3plPolicyCceId"),
    text(8237, "ciscoC3plPolicyName"),
    unsigned(8337, "ciscoServerBytesNetwork"),
    unsigned(8338, "ciscoClientBytesNetwork"),
    unsigned(9252, "ciscoServicesWaasSegment"),
    unsigned(9253, "ciscoServicesWaasPassthroughReason"),
    unsigned(9268, "ciscoConnectionClientPacketsRetransmitted"),
    unsigned(9272, "ciscoConnectionTransactionCounterComplete"),
    unsigned(9273, "ciscoConnectionTransactionDurationSum"),
    unsigned(9292, "ciscoConnectionServerCounterResponses"),
    unsigned(9300, "ciscoConnectionDelayResponseToServerHistogramLate"),
    unsigned(9303, "ciscoConnectionDelayResponseToServerSum"),
    unsigned(9306, "ciscoConnectionDelayApplicationSum"),
    unsigned(9307, "ciscoConnectionDelayApplicationMax"),
    unsigned(9309, "ciscoConnectionDelayResponseClientToServerSum"),
    unsigned(9313, "ciscoConnectionDelayNetworkClientToServerSum"),
    unsigned(9316, "ciscoConnectionDelayNetworkToClientSum"),
    unsigned(9319, "ciscoConnectionDelayNetworkToServerSum"),
    octets(9357, "ciscoApplicationHttpUriStatistics"),
    text(12_232, "ciscoApplicationCategoryName"),
    text(12_233, "ciscoApplicationSubCategoryName"),
    text(12_234, "ciscoApplicationGroupName"),
    octets(12_235, "ciscoApplicationHttpHost"),
    address(12_236, "ciscoConnectionClientIPv4Address", V4),
    address(12_237, "ciscoConnectionServerIPv4Address", V4),
    unsigned(12_240, "ciscoConnectionClientTransportPort"),
    unsigned(12_241, "ciscoConnectionServerTransportPort"),
    unsigned(12_242, "ciscoConnectionId"),
    text(12_243, "ciscoApplicationTrafficClass"),
    text(12_244, "ciscoApplicationBusinessRelevance"),
];

/// Juniper.
const JUNIPER: [Element; 1] = [unsigned(137, "juniperCommonPropertiesId")];

/// Citrix: its application delivery controllers.
const CITRIX: [Element; 28] = [
    unsigned(128, "netscalerRoundTripTime"),
    unsigned(129, "netscalerTransactionId"),
    text(130, "netscalerHttpReqUrl"),
    text(131, "netscalerHttpReqCookie"),
    unsigned(132, "netscalerFlowFlags"),
    unsigned(133, "netscalerConnectionId"),
    text(140, "netscalerHttpReqReferer"),
    text(141, "netscalerHttpReqMethod"),
    text(142, "netscalerHttpReqHost"),
    text(143, "netscalerHttpReqUserAgent"),
    unsigned(144, "netscalerHttpRspStatus"),
    unsigned(145, "netscalerHttpRspLen"),
    unsigned(146, "netscalerServerTtfb"),
    unsigned(147, "netscalerServerTtlb"),
    unsigned(151, "netscalerAppNameAppId"),
    text(152, "netscalerAppName"),
    unsigned(182, "netscalerClientRtt"),
    text(183, "netscalerHttpContentType"),
    text(190, "netscalerHttpReqXForwardedFor"),
    address(203, "netscalerIcaClientIp", V4),
    text(204, "netscalerIcaClientHostName"),
    text(205, "netscalerAaaUsername"),
    text(207, "netscalerIcaDomainName"),
    text(210, "netscalerIcaServerName"),
    unsigned(215, "netscalerIcaRtt"),
    text(238, "netscalerIcaApplicationName"),
    text(250, "netscalerIcaUsername"),
    text(267, "netscalerHttpDomainName"),
];

/// CERT: YAF.
const CERT: [Element; 35] = [
    unsigned(14, "initialTCPFlags"),
    unsigned(15, "unionTCPFlags"),
    octets(18, "yafPayload"),
    unsigned(21, "reverseFlowDeltaMilliseconds"),
    unsigned(33, "silkAppLabel"),
    unsigned(35, "payloadEntropy"),
    text(36, "osName"),
    text(37, "osVersion"),
    octets(38, "firstPacketBanner"),
    octets(39, "secondPacketBanner"),
    unsigned(40, "flowAttributes"),
    text(107, "osFingerPrint"),
    text(179, "dnsQName"),
    text(294, "sslServerName"),
    unsigned(500, "smallPacketCount"),
    unsigned(501, "nonEmptyPacketCount"),
    unsigned(502, "dataByteCount"),
    unsigned(503, "averageInterarrivalTime"),
    unsigned(504, "standardDeviationInterarrivalTime"),
    unsigned(505, "firstNonEmptyPacketSize"),
    unsigned(506, "maxPacketSize"),
    unsigned(507, "firstEightNonEmptyPacketDirections"),
    unsigned(508, "standardDeviationPayloadLength"),
    unsigned(510, "largePacketCount"),
    unsigned(16_398, "reverseInitialTCPFlags"),
    unsigned(16_399, "reverseUnionTCPFlags"),
    unsigned(16_419, "reversePayloadEntropy"),
    unsigned(16_424, "reverseFlowAttributes"),
    unsigned(16_884, "reverseSmallPacketCount"),
    unsigned(16_885, "reverseNonEmptyPacketCount"),
    unsigned(16_886, "reverseDataByteCount"),
    unsigned(16_887, "reverseAverageInterarrivalTime"),
    unsigned(16_889, "reverseFirstNonEmptyPacketSize"),
    unsigned(16_890, "reverseMaxPacketSize"),
    unsigned(16_894, "reverseLargePacketCount"),
];

/// Of virtual networks (NSX).
const VMWARE: [Element; 10] = [
    unsigned(880, "tenantProtocol"),
    address(881, "tenantSourceIPv4", V4),
    address(882, "tenantDestIPv4", V4),
    address(883, "tenantSourceIPv6", V6),
    address(884, "tenantDestIPv6", V6),
    unsigned(886, "tenantSourcePort"),
    unsigned(887, "tenantDestPort"),
    unsigned(888, "egressInterfaceAttr"),
    unsigned(889, "vxlanExportRole"),
    unsigned(890, "ingressInterfaceAttr"),
];

/// Barracuda.
const BARRACUDA: [Element; 12] = [
    of(1, "barracudaTimestamp", Kind::Seconds),
    unsigned(2, "barracudaLogOp"),
    unsigned(3, "barracudaTrafficType"),
    text(4, "barracudaFwRule"),
    text(5, "barracudaServiceName"),
    unsigned(6, "barracudaReason"),
    text(7, "barracudaReasonText"),
    address(8, "barracudaBindIPv4Address", V4),
    unsigned(9, "barracudaBindTransportPort"),
    address(10, "barracudaConnIPv4Address", V4),
    unsigned(11, "barracudaConnTransportPort"),
    unsigned(12, "barracudaAuditCounter"),
];

/// Gigamon.
const GIGAMON: [Element; 20] = [
    text(1, "gigamonHttpReqUrl"),
    unsigned(2, "gigamonHttpRspStatus"),
    text(101, "gigamonSslCertificateIssuerCommonName"),
    text(102, "gigamonSslCertificateSubjectCommonName"),
    text(103, "gigamonSslCertificateIssuer"),
    text(104, "gigamonSslCertificateSubject"),
    text(111, "gigamonSslCertificateSubjectAltName"),
    text(112, "gigamonSslServerNameIndication"),
    unsigned(113, "gigamonSslServerVersion"),
    unsigned(114, "gigamonSslServerCipher"),
    unsigned(201, "gigamonDnsIdentifier"),
    unsigned(202, "gigamonDnsOpCode"),
    unsigned(203, "gigamonDnsResponseCode"),
    text(204, "gigamonDnsQueryName"),
    text(205, "gigamonDnsResponseName"),
    unsigned(206, "gigamonDnsResponseTTL"),
    address(207, "gigamonDnsResponseIPv4Address", V4),
    address(208, "gigamonDnsResponseIPv6Address", V6),
    unsigned(214, "gigamonDnsQueryType"),
    unsigned(215, "gigamonDnsQueryClass"),
];

/// ntop: its probe.
const NTOP: [Element; 32] = [
    unsigned(80, "ntopSrcFragments"),
    unsigned(81, "ntopDstFragments"),
    unsigned(109, "ntopRetransmittedInPkts"),
    unsigned(110, "ntopRetransmittedOutPkts"),
    unsigned(111, "ntopOoorderInPkts"),
    unsigned(112, "ntopOoorderOutPkts"),
    unsigned(113, "ntopUntunneledProtocol"),
    address(114, "ntopUntunneledIPv4SrcAddr", V4),
    unsigned(115, "ntopUntunneledL4SrcPort"),
    address(116, "ntopUntunneledIPv4DstAddr", V4),
    unsigned(117, "ntopUntunneledL4DstPort"),
    unsigned(118, "ntopL7Proto"),
    text(119, "ntopL7ProtoName"),
    text(121, "ntopFlowUserName"),
    text(122, "ntopFlowServerName"),
    unsigned(123, "ntopClientNwLatencyMs"),
    unsigned(124, "ntopServerNwLatencyMs"),
    unsigned(125, "ntopApplLatencyMs"),
    text(180, "ntopHttpUrl"),
    unsigned(181, "ntopHttpRetCode"),
    text(182, "ntopHttpReferer"),
    text(183, "ntopHttpUa"),
    text(184, "ntopHttpMime"),
    text(187, "ntopHttpHost"),
    text(188, "ntopSslServerName"),
    text(205, "ntopDnsQuery"),
    unsigned(206, "ntopDnsQueryId"),
    unsigned(207, "ntopDnsQueryType"),
    unsigned(208, "ntopDnsRetCode"),
    unsigned(209, "ntopDnsNumAnswers"),
    text(360, "ntopHttpMethod"),
    text(361, "ntopHttpSite"),
];
