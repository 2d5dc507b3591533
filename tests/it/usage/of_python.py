"""What each key used of a stretch of time, as Python works it out flow by flow.

Arguments: the flows as NDJSON, the key, the beginning and the end of the stretch as local times, their
zone, the length of a bin in seconds, the percentile, the way of billing, and the keys that have a row of
their own, as JSON.
"""

import ipaddress
import json
import math
import sys
from collections import defaultdict
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

file, kind, since, until, zone, bin_secs, percentile, billing, kept = sys.argv[1:]
kept = json.loads(kept)
bin_ms, percentile = int(bin_secs) * 1000, int(percentile)


def moment(text):
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


since, until = moment(since), moment(until)
bins = math.ceil((until - since) / bin_ms)
TENANTS = [(ipaddress.ip_network("122.166.0.0/17"), "alpha"), (ipaddress.ip_network("122.166.128.0/17"), "beta")]


def tenant(address):
    address = ipaddress.ip_address(address)
    return next((name for net, name in TENANTS if address in net), "")


def net(address, length):
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def block(address):
    return "all" if ipaddress.ip_address(address) in ipaddress.ip_network("122.166.0.0/16") else None


def keys(flow):
    """The keys of a flow, each with the way that it goes."""
    src, dst = flow["srcAddress"], flow["dstAddress"]
    return {
        "if": lambda: [(f"{flow['exporter']},{flow['input']}", "In"), (f"{flow['exporter']},{flow['output']}", "Out")],
        "as": lambda: [(str(flow["srcAs"]), "Out"), (str(flow["dstAs"]), "In")],
        "src/24": lambda: [(net(src, 24), "Out")],
        "dst/16": lambda: [(net(dst, 16), "In")],
        "ip/16": lambda: [(net(src, 16), "Out"), (net(dst, 16), "In")],
        "exporter": lambda: [(flow["exporter"], "")],
        "tenant": lambda: [(tenant(src), "Out"), (tenant(dst), "In")],
        "block": lambda: [(block(src), "Out"), (block(dst), "In")],
    }[kind]()


def until_moment(flow_first, duration, value, at):
    """What has come of a flow, rounded, half up."""
    if at <= flow_first:
        return 0
    if at >= flow_first + duration:
        return value
    return (value * (at - flow_first) * 2 + duration) // (2 * duration)


used = defaultdict(lambda: defaultdict(lambda: [0] * bins))
ways = set()
with open(file) as lines:
    for line in lines:
        flow = json.loads(line)
        time = datetime.fromisoformat(flow["time"].replace("Z", "+00:00")).astimezone(timezone.utc)
        first, duration = round(time.timestamp() * 1000), flow["duration"]
        last = max(first, first + duration - 1)
        if last < since or first >= until:
            continue
        shares, edge = [], max(first, since)
        number = (edge - since) // bin_ms
        while number < bins and since + number * bin_ms <= last:
            begin, end = since + number * bin_ms, min(since + (number + 1) * bin_ms, until)
            share = until_moment(first, duration, flow["bytes"], end) - until_moment(first, duration, flow["bytes"], begin)
            shares.append((number, share))
            number += 1
        for key, way in keys(flow):
            ways.add(way)
            if key is None:
                continue
            key = key if key in kept else "others"
            for number, share in shares:
                used[key][way][number] += share


def figures(values):
    lengths = (bin_ms, until - since - (bins - 1) * bin_ms)
    rates = [value * 8000 // lengths[number == bins - 1] for number, value in enumerate(values)]
    # The last bin may be shorter than the others, which compares by products.
    highest = max(range(bins), key=lambda number: (values[number] * lengths[number < bins - 1], -number))
    return {
        "octets": sum(values),
        "mean": sum(values) * 8000 // (until - since),
        "percentile": sorted(rates)[math.ceil(percentile * len(rates) / 100) - 1],
        "peak": rates[highest],
        "Time": since + highest * bin_ms if sum(values) else None,
    }


rows = {}
for key, of_key in used.items():
    row = {}
    each = {way: figures(of_key[way]) for way in ways}
    whole = [sum(of_key[way][number] for way in ways) for number in range(bins)]
    each[""] = figures(whole)
    if not each[""]["octets"]:
        continue
    for way in ("In", "Out", ""):
        for name in ("octets", "mean", "percentile", "peak"):
            row[f"{name}{way}"] = each[way][name] if way in each else None
        row[f"peak{way}Time"] = each[way]["Time"] if way in each else None
    higher = [each[way]["percentile"] for way in ("In", "Out") if way in each]
    row["billed"] = max(higher) if higher and billing == "max" else each[""]["percentile"]
    rows[key] = row
print(json.dumps({"bins": bins, "rows": rows}))
