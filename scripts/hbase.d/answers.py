#!/usr/bin/env python3
"""Asks a Thrift server whether HBase behind it is ready. Exit status 0: it answered.

Usage: answers.py thrift|thrift2 PORT

The question is put in Thrift's binary protocol by hand, so that nothing has to be installed.
"""
import socket
import struct
import sys

CALL, REPLY, STRING, STOP = 0x80010001, 0x80010002, 11, 0


def text(value):
    return struct.pack(">i", len(value)) + value


# Only the namespaces are refused until the master would create a table; table names come earlier.
QUESTIONS = {
    "thrift": (b"getTableNames", b""),
    "thrift2": (b"getNamespaceDescriptor", struct.pack(">bh", STRING, 1) + text(b"default")),
}


def answered(kind, port):
    name, arguments = QUESTIONS[kind]
    call = struct.pack(">I", CALL) + text(name) + struct.pack(">i", 1) + arguments + bytes([STOP])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as server:
        server.sendall(call)
        reply = server.makefile("rb")
        head = reply.read(4 + 4 + len(name) + 4)
        # Then comes a struct with one field: 0 is the result, any other an exception.
        field = reply.read(3)
    return head[:4] == struct.pack(">I", REPLY) and field[1:] == b"\0\0"


try:
    sys.exit(0 if answered(sys.argv[1], int(sys.argv[2])) else 1)
except OSError:
    sys.exit(1)
