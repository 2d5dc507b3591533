"""Databases of three vendors' shapes, and what Python makes of flows by them and by networks.

`make FOLDER` writes the databases; `sums FOLDER ATTRIBUTE FLOWS` prints a line for each label of
sources: label, octets, packets, flows; `NETWORKS` has the prefixes once more, as Python reads them.
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


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    sums(*sys.argv[2:6])
