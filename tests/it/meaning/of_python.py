"""Databases of three vendors' shapes, and what Python makes of flows by them and by networks.

`make FOLDER` writes the databases; the other commands print as JSON what Python makes of flows, each of
which is a line of JSON, or of CSV.
"""

import csv
import datetime
import ipaddress
import json
import random
import sys
from collections import defaultdict

import maxminddb
from mmdb_writer import MMDBWriter
from netaddr import IPSet


def make(folder):
    random.seed(7)
    blocks = [f"122.166.{n}.0/24" for n in range(256)]
    random.shuffle(blocks)
    v6 = ["2001:db8::/33", "2001:db8:8000::/34"]

    def write(name, kind, records):
        writer = MMDBWriter(6, kind, ipv4_compatible=True)
        for prefixes, record in records:
            writer.insert_network(IPSet(prefixes), record)
        writer.to_db_file(f"{folder}/{name}")

    def maxmind(code, name):
        return {"country": {"iso_code": code, "names": {"en": name}}, "continent": {"code": "EU"},
                "city": {"names": {"en": f"{name} town", "de": "Stadt"}}}

    write("maxmind.mmdb", "GeoLite2-City", [
        (blocks[:60] + v6[:1], maxmind("CH", "Switzerland")),
        (blocks[60:100] + v6[1:], maxmind("IN", "India")),
    ])
    # As IPinfo has it; what MaxMind's says holds before.
    write("ipinfo.mmdb", "ipinfo generic_country_asn_free.mmdb", [
        (blocks[90:140], {"country": "FR", "country_name": "France", "as_name": "Un, Deux", "asn": "AS1"}),
    ])
    write("asn.mmdb", "DBIP-ASN-Lite", [
        (["122.166.0.0/17"], {"autonomous_system_number": 64500,
                             "autonomous_system_organization": "Example \"One\""}),
    ])
    with open(f"{folder}/ranges.csv", "w") as out:
        out.write("122.166.0.0,122.166.255.255,DE\n2001:db8::,2001:db8:ffff::,AT\n")


def moment(text, usual):
    if not text:
        return usual
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc).timestamp() * 1000


class Networks:
    def __init__(self, path):
        with open(path) as file:
            lines = (line for line in file if not line.startswith("#"))
            self.rows = list(csv.DictReader(lines))
        for row in self.rows:
            row["prefix"] = ipaddress.ip_network(row["prefix"])
            row["from"] = moment(row["from"], 0)
            row["until"] = moment(row["until"], float("inf"))
        self.rows.sort(key=lambda row: -row["prefix"].prefixlen)

    def said(self, address, time, column):
        for row in self.rows:
            of_family = row["prefix"].version == address.version
            if of_family and address in row["prefix"] and row["from"] <= time < row["until"] and row[column]:
                return row[column]
        return ""


def said(folder, attribute):
    if attribute in ("name", "role", "site", "tenant"):
        networks = Networks(f"{folder}/networks.csv")
        return lambda address, time: networks.said(address, time, attribute)
    databases = [maxminddb.open_database(f"{folder}/{name}.mmdb") for name in ("maxmind", "ipinfo", "asn")]

    def find(address, _):
        records = [database.get(str(address)) or {} for database in databases]
        if attribute == "asname":
            return records[1].get("as_name") or records[2].get("autonomous_system_organization", "")
        if attribute == "city":
            return records[0].get("city", {}).get("names", {}).get("en", "")
        return records[0].get("country", {}).get("iso_code") or records[1].get("country", "")

    return find


def sums(folder, attribute, flows, ends):
    find, found = said(folder, attribute), defaultdict(lambda: [0, 0, 0])
    seen = {}
    for line in open(flows):
        flow = json.loads(line)
        time = datetime.datetime.fromisoformat(flow["time"].replace("Z", "+00:00")).timestamp() * 1000
        for end in ends.split(","):
            text = flow[end + "Address"]
            address = seen.setdefault(text, ipaddress.ip_address(text))
            of = found[find(address, time)]
            of[0] += flow["bytes"]
            of[1] += flow["packets"]
            of[2] += 1
    print(json.dumps(found))


def links(flows, table, seconds, ends):
    """Of each interface: octets, what the table says of it and of its exporter, percent of its speed."""
    rows = {(row["exporter"], row["interface"]): row for row in csv.DictReader(open(table))}
    octets = defaultdict(int)
    for line in open(flows):
        flow = json.loads(line)
        for end in ends.split(","):
            octets[flow["exporter"], str(flow[end])] += flow["bytes"]
    units = {"k": 10**3, "M": 10**6, "G": 10**9}
    found = {}
    for (exporter, interface), count in octets.items():
        row, router = rows.get((exporter, interface), {}), rows.get((exporter, ""), {})
        speed = row.get("speed") or None
        if speed:
            speed = int(float(speed.rstrip("kMG")) * units.get(speed[-1], 1))
        share = speed and round(count * 8 / float(seconds) / speed * 100, 4)
        found[f"{exporter} {interface}"] = [
            count, router.get("name") or None, router.get("description") or None,
            row.get("name") or None, row.get("description") or None, speed, share,
        ]
    print(json.dumps(found))


def asns(folder, flows, source, ends):
    databases = [maxminddb.open_database(f"{folder}/{name}.mmdb") for name in ("ipinfo", "asn")]
    found, seen = defaultdict(lambda: [0, 0, 0]), {}

    def number(address):
        records = [database.get(address) or {} for database in databases]
        told = records[0].get("asn", "").removeprefix("AS")
        return int(told or records[1].get("autonomous_system_number", 0))

    for line in open(flows):
        flow = json.loads(line)
        for end in ends.split(","):
            address, told = flow[end + "Address"], flow[end + "As"]
            if address not in seen:
                seen[address] = number(address)
            of_database = seen[address]
            wanted = {"exported": told, "database": of_database, "either": told or of_database}
            of = found[wanted[source]]
            of[0] += flow["bytes"]
            of[1] += flow["packets"]
            of[2] += 1
    print(json.dumps(found))


def columns(flows, attribute, end):
    """How many rows of a file of CSV have each label."""
    name = {"asname": "AsName", "name": "Network"}.get(attribute, attribute.capitalize())
    found = defaultdict(int)
    for row in csv.DictReader(open(flows)):
        found[row[end + name]] += 1
    print(json.dumps(found))


command, *arguments = sys.argv[1:]
{"make": make, "sums": sums, "links": links, "asns": asns, "columns": columns}[command](*arguments)
