# SPDX-License-Identifier: MIT
"""A device tree for QEMU's microchip-icicle-kit, which has none of its own (Devicetree Specification 0.4, chapter 5).

It describes what Winkle and OpenSBI look at, at the addresses of hw/riscv/microchip_pfsoc.c, and gives away 1 MiB of the
cache's memory as a boot loader may: on a kit, HSS lives there.
"""
import struct

BEGIN_NODE, END_NODE, PROPERTY, END = 1, 2, 3, 9
LOW_RAM, LOW_RAM_BYTES, HIGH_RAM = 0x80000000, 1 << 30, 0x1000000000
HARTS = range(5)  # of which the first has no supervisor mode
MACHINE_SOFTWARE, MACHINE_TIMER, SUPERVISOR_EXTERNAL, MACHINE_EXTERNAL = 3, 7, 9, 11
CONTROLLER, FIRST_HART = 1, 2  # phandles


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def value(what):
    """The bytes of a property: a text, a list of texts, a list of words, or True for one that is only there."""
    if what is True:
        return b""
    if isinstance(what, str):
        what = [what]
    return b"".join(word.encode() + b"\0" if isinstance(word, str) else struct.pack(">I", word) for word in what)


class Writer:
    def __init__(self):
        self.structure, self.names = b"", b""

    def name(self, name):
        at = self.names.find(name.encode() + b"\0")
        if at < 0:
            at = len(self.names)
            self.names += name.encode() + b"\0"
        return at

    def node(self, name, properties, *children):
        self.structure += struct.pack(">I", BEGIN_NODE) + padded(name.encode() + b"\0")
        for key, what in properties.items():
            data = value(what)
            self.structure += struct.pack(">3I", PROPERTY, len(data), self.name(key)) + padded(data)
        for child in children:
            self.node(*child)
        self.structure += struct.pack(">I", END_NODE)

    def tree(self):
        structure = self.structure + struct.pack(">I", END)
        at = 56  # behind the header and a list of reservations that is empty
        header = struct.pack(">10I", 0xd00dfeed, at + len(structure) + len(self.names), at, at + len(structure), 40, 17,
                             16, 0, len(self.names), len(structure))
        return header + b"\0" * 16 + structure + self.names


def region(start, length):
    return [start >> 32, start & 0xffffffff, length >> 32, length & 0xffffffff]


def processor(hart):
    properties = {"device_type": "cpu", "reg": [hart], "status": "okay", "compatible": "riscv",
                  "riscv,isa": "rv64imafdc" if hart else "rv64imac"}
    if hart:
        properties["mmu-type"] = "riscv,sv39"
    return (f"cpu@{hart}", properties, ("interrupt-controller", {
        "#interrupt-cells": [1], "interrupt-controller": True, "compatible": "riscv,cpu-intc",
        "phandle": [FIRST_HART + hart]}))


def lines(hart, *interrupts):
    return [word for interrupt in interrupts for word in (FIRST_HART + hart, interrupt)]


def tree(memory_bytes, harts):
    """For so much memory, and so many harts with the one that has no supervisor mode."""
    numbers = HARTS[:harts]
    writer = Writer()
    writer.node(
        "", {"#address-cells": [2], "#size-cells": [2], "compatible": ["microchip,mpfs-icicle-kit", "microchip,mpfs"]},
        ("chosen", {"stdout-path": "/soc/serial@20000000"}),
        ("cpus", {"#address-cells": [1], "#size-cells": [0], "timebase-frequency": [1000000]},
         *[processor(hart) for hart in numbers]),
        ("memory@80000000", {"device_type": "memory", "reg": region(LOW_RAM, LOW_RAM_BYTES)}),
        ("memory@1000000000", {"device_type": "memory", "reg": region(HIGH_RAM, memory_bytes - LOW_RAM_BYTES)}),
        ("soc", {"#address-cells": [2], "#size-cells": [2], "compatible": "simple-bus", "ranges": True},
         ("clint@2000000", {
             "compatible": ["sifive,clint0", "riscv,clint0"], "reg": region(0x2000000, 0x10000),
             "interrupts-extended": [word for hart in numbers
                                     for word in lines(hart, MACHINE_SOFTWARE, MACHINE_TIMER)]}),
         ("sram@8000000", {"compatible": "mmio-sram", "reg": region(0x8000000, 0x100000)}),
         ("interrupt-controller@c000000", {
             "compatible": ["sifive,plic-1.0.0", "riscv,plic0"], "reg": region(0xc000000, 0x4000000),
             "phandle": [CONTROLLER], "riscv,ndev": [186], "interrupt-controller": True, "#interrupt-cells": [1],
             "interrupts-extended": [word for hart in numbers for word in lines(
                 hart, MACHINE_EXTERNAL, *([SUPERVISOR_EXTERNAL] if hart else []))]}),
         ("serial@20000000", {
             "compatible": "ns16550a", "reg": region(0x20000000, 0x400), "reg-io-width": [4], "reg-shift": [2],
             "clock-frequency": [150000000], "current-speed": [115200], "interrupts": [90],
             "interrupt-parent": [CONTROLLER], "status": "okay"})))
    return writer.tree()
