//! Texts of other tools, against what a script of Python's makes of the same lines. The lines are
//! those that the tools' documentation and the data sets' descriptions show, and some that are
//! wrong.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{flows, load};
use crate::needs::tool;

/// Reads a text by itself, and prints what flows are in it, a line each in order of its text:
/// source, its port, destination, its port, protocol, begin and end in milliseconds, packets, octets,
/// flags, type of service.
const PYTHON: &str = include_str!("texts.py");

/// The flows of a store as that script prints them.
fn ours(store: &Path) -> Vec<String> {
    let line = |flow: &Value| {
        let time: jiff::Timestamp = flow["time"].as_str().unwrap().parse().unwrap();
        let first = time.as_millisecond();
        let protocol = match flow["protocol"].as_str().unwrap() {
            "TCP" => 6,
            "UDP" => 17,
            "ICMP" => 1,
            "ICMP6" => 58,
            other => panic!("{other}"),
        };
        let letters = flow["tcpFlags"].as_str().unwrap().bytes().rev().enumerate();
        let flags: u32 = letters.map(|(bit, letter)| u32::from(letter != b'.') << bit).sum();
        let text = |name: &str| flow[name].as_str().unwrap().to_owned();
        let number = |name: &str| flow[name].to_string();
        [
            text("srcAddress"),
            number("srcPort"),
            text("dstAddress"),
            number("dstPort"),
            protocol.to_string(),
            first.to_string(),
            (first + flow["duration"].as_i64().unwrap()).to_string(),
            number("packets"),
            number("bytes"),
            flags.to_string(),
            number("tos"),
        ]
        .join(" ")
    };
    let mut lines: Vec<_> = flows(store, &[]).iter().map(line).collect();
    lines.sort();
    lines
}

/// Loads a text, and sees that its flows are those that Python finds; gives the summary.
#[track_caller]
fn compare(kind: &str, text: &str) -> Option<Value> {
    let folder = tempfile::tempdir().unwrap();
    let (path, store) = (folder.path().join("text"), folder.path().join("store"));
    fs::write(&path, text).unwrap();
    let theirs = tool("python3", &["-c", PYTHON, kind, path.to_str().unwrap()])?;
    let summary = load(&store, &[&path]);
    let theirs: Vec<_> = theirs.lines().collect();
    assert!(!theirs.is_empty(), "{kind}");
    assert_eq!(ours(&store), theirs, "{kind}: {summary}");
    // Again, out of a pipe and compressed.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_earlgrey-hbase"));
    command.args(["load", "-", "-o", "json", "--store"]).arg(&store);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&gzip.finish().unwrap()).unwrap();
    let again: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!((&again["stored"], &again["records"]), (&0.into(), &summary["records"]), "{again}");
    Some(summary)
}

/// As `rwcut` prints flows, padded.
pub(crate) const SILK: &str = "\
            sIP|            dIP|sPort|dPort|pro|   packets|     bytes|   flags|                  sTime| duration|                  eTime|sensor|
    10.30.30.31|    10.70.70.71|   80|36761|  6|         7|      3227|FS PA   |2009/02/12T00:00:00.000|   10.125|2009/02/12T00:00:10.125|    S1|
    10.70.70.71|    10.30.30.31|36761|   80|  6|         7|       421|FS PA   |2009/02/12T00:00:00.000|   10.125|2009/02/12T00:00:10.125|    S1|
  192.168.40.20|    128.63.2.53|54098|   53| 17|         1|        66|        |2009/02/12T00:31:02.987|    0.000|2009/02/12T00:31:02.987|    S0|
  192.168.40.20|  192.168.40.24|    0| 2048|  1|         4|       336|        |2009/02/12T00:31:03.001|    3.004|2009/02/12T00:31:06.005|    S0|
  192.168.40.20|  192.168.40.24|    0| 2048|  1|         4|       0x1x|        |2009/02/12T00:31:03.001|    3.004|2009/02/12T00:31:06.005|    S0|
  192.168.40.20|  192.168.40.24|    0|
";

#[test]
fn what_rwcut_prints_is_read_with_titles_in_any_order() {
    let Some(summary) = compare("silk", SILK) else { return };
    assert_eq!(summary["stored"], 4);
    let rejected = serde_json::json!({"malformed": 1, "number of columns": 1});
    assert_eq!(summary["rejected"], rejected);
    let fault = &summary["files"][0]["fault"];
    assert_eq!(fault, "line 6: \"0x1x\" is no number of bytes");
    // Not padded, by commas, with times as seconds, and with type and code of ICMP by themselves.
    let plain = "\
sTime,duration,pro,iTy,iCo,dIP,sIP,dPort,sPort,bytes,packets,flags
1234396800.000,10.125,6,,,10.70.70.71,10.30.30.31,36761,80,3227,7,SAPF
1234398663.5,0,1,3,13,2001:db8::2,2001:db8::1,0,0,84,1,
1234398663.5,0,17,,,192.168.1.1,192.168.1.2,53,40000,84,1,
";
    compare("silk", plain);
}

/// From the manual of Zeek, and what others show of their logs.
pub(crate) const ZEEK: &str = "\
#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tconn
#open\t2014-01-28-23-24-14
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]
1300475167.096535\tCHhAvVGS1DHFjwGM9\t141.142.220.202\t5353\t224.0.0.251\t5353\tudp\tdns\t-\t-\t-\tS0\t-\t-\t0\tD\t1\t73\t0\t0\t-
1300475167.097012\tClEkJM2Vm5giqnMf4h\tfe80::217:f2ff:fed7:cf65\t5353\tff02::fb\t5353\tudp\tdns\t-\t-\t-\tS0\t-\t-\t0\tD\t1\t199\t0\t0\t-
1300475168.853899\tCmES5u32sYpV7JYN\t141.142.220.118\t43927\t141.142.2.2\t53\tudp\tdns\t0.000435\t38\t89\tSF\t-\t-\t0\tDd\t1\t66\t1\t117\t-
1699501701.032478\tCk4N0V3ktsYTefptLi\t2.237.57.70\t59202\t172.31.5.68\t8080\ttcp\thttp\t0.202757\t183\t0\tSF\tF\tT\t0\tShADaFf\t5\t451\t3\t164\t-
1488571051.941752\tCLQMsz1keaFPjxT8Cd\t192.168.121.2\t13\t192.168.120.1\t14\ticmp\t-\t300.183120\t720\t360\tOTH\t-\t-\t0\t-\t60\t2400\t30\t1200\t-
1488571051.941000\tCrrsda3SnWYzyNZjO7\t2003:51:6012:121::2\t128\t2a01:488:42:1000:50ed:8588:8a:c570\t129\ticmp\t-\t300.012100\t168\t168\tOTH\t-\t-\t0\t-\t6\t456\t6\t456\t-
1300475169.9\tCtPZjS20MLrsMUOJi2\t141.142.220.118\t48649\t208.80.152.118\t80\ttcp
#close\t2014-01-28-23-24-14
";

#[test]
fn a_connection_of_zeek_is_both_ways_of_it() {
    let Some(summary) = compare("zeek", ZEEK) else { return };
    assert_eq!((&summary["stored"], &summary["reverse"]), (&6.into(), &4.into()), "{summary}");
    assert_eq!(summary["rejected"], serde_json::json!({"number of columns": 1}));
    let fault = &summary["files"][0]["fault"];
    assert_eq!(fault, "line 15: it has 7 columns in place of 21");
    // From the manual, too.
    let json = r#"{"ts":1591367999.305988,"uid":"CMdzit1AMNsmfAIiQc","id.orig_h":"192.168.4.76","id.orig_p":36844,"id.resp_h":"192.168.4.1","id.resp_p":53,"proto":"udp","service":"dns","duration":0.06685185432434082,"orig_bytes":62,"resp_bytes":141,"conn_state":"SF","missed_bytes":0,"history":"Dd","orig_pkts":2,"orig_ip_bytes":118,"resp_pkts":2,"resp_ip_bytes":197}
{"ts":1591367999.430166,"uid":"C5bLoe2Mvxqhawzqqd","id.orig_h":"192.168.4.76","id.orig_p":46378,"id.resp_h":"31.3.245.133","id.resp_p":80,"proto":"tcp","service":"http","duration":0.25411510467529297,"orig_bytes":77,"resp_bytes":295,"conn_state":"SF","missed_bytes":0,"history":"ShADadFf","orig_pkts":6,"orig_ip_bytes":397,"resp_pkts":4,"resp_ip_bytes":511}
{"ts":1591367999.430166,"uid":
"#;
    let Some(summary) = compare("json", json) else { return };
    assert_eq!(summary["rejected"], serde_json::json!({"malformed": 1}));
    // Another log is none of flows.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dns.log");
    fs::write(&path, ZEEK.replace("#path\tconn", "#path\tdns")).unwrap();
    let summary = load(&folder.path().join("store"), &[&path]);
    let fault = summary["files"][0]["fault"].as_str().unwrap();
    assert_eq!((fault, &summary["stored"]), ("line 5: it is a log of dns, not of conn", &0.into()));
}

/// Lines of scenario 1 of CTU-13, as others quote them, and some of other kinds.
pub(crate) const ARGUS: &str = "\
StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label
2011/08/10 09:46:59.607825,1.026539,tcp,94.44.127.113,1577,   ->,147.32.84.59,6881,S_RA,0,0,4,276,156,flow=Background-Established-cmpgw-CVUT
2011/08/10 09:46:53.058760,20.360268,tcp,147.32.3.93,443,  <?>,147.32.84.59,51790,FPA_FRPA,0,0,133,81929,67597,flow=Background-Established-cmpgw-CVUT
2011/08/10 09:46:53.049895,0.000326,tcp,217.163.21.35,80,  <?>,147.32.86.194,2063,FA_A,0,0,2,120,60,flow=Background
2011/08/10 09:46:53.053771,0.056966,tcp,83.3.77.74,32882,  <?>,147.32.85.5,21857,FA_FA,0,0,3,180,120,flow=Background
2011/08/10 09:46:53.053937,3427.768066,udp,74.89.223.204,21278,  <->,147.32.84.229,13363,CON,0,0,42,2856,1596,flow=Background-UDP-Established
2011/08/10 09:47:03.1,0.000000,icmp,147.32.80.9,0x0103,   ->,147.32.84.165,0x52e0,URH,192,,1,70,70,flow=Background
2011/08/10 09:47:04.2,0.020000,icmp,147.32.84.165,0x0008,  <->,147.32.80.9,0x1001,ECO,0,0,2,196,98,flow=Background
2011/08/10 09:47:05,0.000000,arp,147.32.84.165,,   who,147.32.84.1,,INT,,,1,60,60,flow=Background
2011/08/10 09:47:06.25,2.5,rtp,147.32.84.59,0x1f90,   ->,78.191.3.4,1025,INT,0.0,,3,600,0,flow=Background
2011/08/10 09:47:06.25,2.5,tcp,147.32.84.59
";

#[test]
fn a_line_of_argus_is_both_ways_of_a_flow() {
    let Some(summary) = compare("argus", ARGUS) else { return };
    assert_eq!((&summary["stored"], &summary["records"]), (&8.into(), &10.into()), "{summary}");
    let rejected = serde_json::json!({"no addresses": 1, "number of columns": 1});
    assert_eq!(summary["rejected"], rejected);
    // Sums are those of the lines.
    assert_eq!((&summary["packets"], &summary["octets"]), (&190.into(), &86_227.into()));
}

#[test]
fn lines_of_any_bytes_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    let mut text = ZEEK.as_bytes().to_vec();
    text.extend_from_slice(b"\xff\xfe\n\0\0\t\t\n");
    text.extend(std::iter::repeat_n(b'x', 3 << 20));
    text.extend_from_slice(b"\n1300475168.724007\t-\t10.0.0.1\t1\t10.0.0.2\t2\tudp");
    fs::write(&path, &text).unwrap();
    let summary = load(&folder.path().join("store"), &[&path]);
    assert_eq!(summary["stored"], 6);
    let rejected = serde_json::json!({"line too long": 1, "no text": 1, "number of columns": 3});
    assert_eq!(summary["rejected"], rejected);
}
