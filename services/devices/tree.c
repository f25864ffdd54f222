/* SPDX-License-Identifier: MIT */
/* The device tree is firmware's, and believed as far as libfdt checks it (Devicetree Specification 0.4). */
#include "tree.h"

#include <winkle/text.h>

#include <libfdt.h>

#define PATH_BYTES_MAX 128

static const struct {
    const char *compatible, *driver;
} drivers[] = {
    {"ns16550a", "serial-16550"},
    {"ns16550", "serial-16550"},
    {"sifive,uart0", "serial-sifive"},
};

#define CLOCK "google,goldfish-rtc"
#define CLOCK_DRIVER "rtc-goldfish"

/* What `/chosen` calls standard output: a path or an alias, perhaps with a rate behind a colon. */
static int find_console_node(const void *tree)
{
    const int chosen = fdt_path_offset(tree, "/chosen");
    int bytes = 0;
    const char *path = fdt_getprop(tree, chosen, "stdout-path", &bytes), *end;

    if (path == NULL || bytes <= 0 || bytes > PATH_BYTES_MAX || path[bytes - 1] != '\0')
        return -FDT_ERR_NOTFOUND;
    end = strchr(path, ':');
    return fdt_path_offset_namelen(tree, path, end == NULL ? (int)strlen(path) : (int)(end - path));
}

static const char *find_driver(const void *tree, int node)
{
    for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (fdt_node_check_compatible(tree, node, drivers[i].compatible) == 0)
            return drivers[i].driver;
    }
    return NULL;
}

/* A number of one or two cells, at the cell `index` of a property. */
static uint64_t read_cells(const void *tree, int node, const char *name, int index, int cells, uint64_t otherwise)
{
    int bytes = 0;
    const fdt32_t *property = fdt_getprop(tree, node, name, &bytes);
    uint64_t number = 0;

    if (property == NULL || cells < 1 || cells > 2 || bytes < (index + cells) * (int)sizeof(fdt32_t))
        return otherwise;
    for (int i = 0; i < cells; i++)
        number = number << 32 | fdt32_to_cpu(property[index + i]);
    return number;
}

static bool is_well_formed(const void *tree, uint64_t bytes)
{
    return bytes >= sizeof(struct fdt_header) && fdt_check_header(tree) == 0 && fdt_totalsize(tree) <= bytes;
}

static void read_registers(const void *tree, int node, int parent, struct port *port)
{
    const int address_cells = fdt_address_cells(tree, parent);

    port->address = read_cells(tree, node, "reg", 0, address_cells, 0);
    port->bytes = read_cells(tree, node, "reg", address_cells, fdt_size_cells(tree, parent), 0);
}

bool tree_find_clock(const void *tree, uint64_t bytes, struct port *port)
{
    int node, parent;

    if (!is_well_formed(tree, bytes))
        return false;
    node = fdt_node_offset_by_compatible(tree, -1, CLOCK);
    parent = fdt_parent_offset(tree, node);
    if (node < 0 || parent < 0)
        return false;
    *port = (struct port){.driver = CLOCK_DRIVER};
    read_registers(tree, node, parent, port);
    return port->address != 0 && port->bytes != 0;
}

const char *tree_find_console(const void *tree, uint64_t bytes, struct port *port)
{
    int node, parent;

    if (!is_well_formed(tree, bytes))
        return "the device tree is malformed";
    node = find_console_node(tree);
    parent = fdt_parent_offset(tree, node);
    if (node < 0 || parent < 0)
        return "the device tree names no console";
    port->driver = find_driver(tree, node);
    if (port->driver == NULL)
        return "there is no driver for the console";
    read_registers(tree, node, parent, port);
    port->line = read_cells(tree, node, "interrupts", 0, 1, 0);
    port->stride = UINT64_C(1) << (read_cells(tree, node, "reg-shift", 0, 1, 0) & 7);
    return port->address != 0 && port->bytes != 0 && port->line != 0 ? NULL
                                                                     : "the console has no registers or interrupt";
}
