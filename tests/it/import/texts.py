import sys, json, datetime
kind, path = sys.argv[1:3]
out = []
def ms(text):
    whole, _, rest = str(text).partition(".")
    return int(whole) * 1000 + int((rest + "000")[:3])
def date(text, form):
    head, _, rest = text.partition(".")
    at = datetime.datetime.strptime(head, form).replace(tzinfo=datetime.timezone.utc)
    return int(at.timestamp()) * 1000 + int((rest + "000")[:3])
def flags(text, order="FSRPAUEC"):
    return sum(1 << order.index(letter) for letter in set(text) if letter in order)
def put(*flow): out.append(flow)
text = open(path).read().splitlines()
numbers = {"tcp": 6, "udp": 17, "icmp": 1, "rtp": 17, "ipv6-icmp": 58}
def zeek(row):
    none = lambda value: value in (None, "-", "")
    number = lambda name: 0 if none(row.get(name)) else int(row[name])
    src, dst = row["id.orig_h"], row["id.resp_h"]
    proto = numbers[row["proto"]]
    if proto == 1 and ":" in src: proto = 58
    sport, dport = number("id.orig_p"), number("id.resp_p")
    back = (dport, sport)
    if row["proto"] == "icmp":
        # Of what is answered, Zeek has the type of the answer there, and no code.
        back = (0, {8: 0, 13: 0x0e00, 128: 0x8100}[sport])
        assert dport * 256 == back[1]
        sport, dport = 0, sport * 256
    first = ms(format(float(row["ts"]), ".6f"))
    last = first + (0 if none(row.get("duration")) else int(float(row["duration"]) * 1000))
    history = "" if none(row.get("history")) else row["history"]
    ways = []
    for capital in (True, False):
        seen = 0
        for letter in history:
            if letter.isupper() == capital:
                seen |= {"S": 2, "H": 18, "A": 16, "F": 1, "R": 4}.get(letter.upper(), 0)
        ways.append(seen if proto == 6 else 0)
    put(src, sport, dst, dport, proto, first, last, number("orig_pkts"), number("orig_ip_bytes"), ways[0], 0)
    if number("resp_ip_bytes") or number("resp_pkts"):
        put(dst, back[0], src, back[1], proto, first, last, number("resp_pkts"), number("resp_ip_bytes"), ways[1], 0)
if kind == "silk":
    titles = None
    for line in text:
        cells = [cell.strip() for cell in line.replace(",", "|").rstrip("|").split("|")]
        if "sIP" in cells: titles = cells; continue
        row = dict(zip(titles, cells))
        if len(cells) != len(titles) or "x" in row["bytes"]: continue
        time = row["sTime"]
        first = date(time, "%Y/%m/%dT%H:%M:%S") if "/" in time else ms(time)
        last = first + ms(row["duration"])
        dport = int(row["dPort"])
        if "iTy" in row and row["iTy"]: dport = int(row["iTy"]) * 256 + int(row["iCo"])
        put(row["sIP"], int(row["sPort"]), row["dIP"], dport, int(row["pro"]), first, last,
            int(row["packets"]), int(row["bytes"]), flags(row["flags"]), 0)
elif kind == "zeek":
    fields = None
    for line in text:
        cells = line.split("\t")
        if cells[0] == "#fields": fields = cells[1:]
        elif not line.startswith("#") and len(cells) == len(fields): zeek(dict(zip(fields, cells)))
elif kind == "json":
    for line in text:
        try: row = json.loads(line)
        except ValueError: continue
        zeek(row)
elif kind == "argus":
    names = text[0].split(",")
    for line in text[1:]:
        row = dict(zip(names, line.split(",")))
        if row["Proto"] == "arp" or len(line.split(",")) != len(names): continue
        proto = numbers[row["Proto"]]
        port = lambda text: int(text, 0) if text else 0
        sport, dport = port(row["Sport"]), port(row["Dport"])
        back = (dport, sport)
        if proto in (1, 58):
            sport, dport = 0, (sport & 255) * 256 + (sport >> 8)
            back = (0, {0x0800: 0}.get(dport, dport))
        first = date(row["StartTime"], "%Y/%m/%d %H:%M:%S")
        last = first + ms(row["Dur"])
        octets, of_src, packets = int(row["TotBytes"]), int(row["SrcBytes"]), int(row["TotPkts"])
        there, _, here = row["State"].partition("_") if proto == 6 and "_" in row["State"] else ("", "", "")
        tos = lambda text: int(float(text)) if text else 0
        put(row["SrcAddr"], sport, row["DstAddr"], dport, proto, first, last,
            packets if of_src else 0, of_src, flags(there), tos(row["sTos"]))
        if octets > of_src:
            put(row["DstAddr"], back[0], row["SrcAddr"], back[1], proto, first, last,
                0 if of_src else packets, octets - of_src, flags(here), tos(row["dTos"]))
for flow in sorted(" ".join(str(value) for value in flow) for flow in out): print(flow)
