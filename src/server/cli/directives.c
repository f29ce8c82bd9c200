/* SPDX-License-Identifier: Apache-2.0 */
/* `signet directives`: the reference part of docs/config.md, made from the tables that read the
 * configuration. */
#include "server/cli.h"
#include "server/cli/args.h"
#include "server/cli/load.h"
#include "server/config_draft.h"

/* A cell of a markdown table: "|" would end it. */
static void put_cell(struct buf *out, const char *text)
{
    for (const char *at = text != NULL ? text : ""; *at != '\0'; at++)
        buf_printf(out, "%s%c", *at == '|' ? "\\" : "", *at);
}

static void put_code(struct buf *out, const char *text)
{
    if (text == NULL)
        return;
    buf_add(out, "`");
    put_cell(out, text);
    buf_add(out, "`");
}

/* The values of a key without a usage of its own. */
static void put_values(struct buf *out, const struct directive *row)
{
    static const char *const forms[] = { [DIR_UINT] = "N",
                                         [DIR_SIZE] = "SIZE",
                                         [DIR_DURATION] = "DURATION",
                                         [DIR_BOOL] = "on|off",
                                         [DIR_TEXT] = "TEXT" };
    if (row->usage != NULL) {
        put_cell(out, row->usage);
    } else if (row->type == DIR_ENUM) {
        for (size_t i = 0; row->words[i] != NULL; i++)
            buf_printf(out, "%s%s", i > 0 ? "\\|" : "", row->words[i]);
    } else if (row->type < DIR_ENUM) {
        put_cell(out, forms[row->type]);
    } else {
        buf_add(out, "...");
    }
}

static void put_tail(struct buf *out, const struct directive *row)
{
    buf_add(out, " | ");
    put_code(out, row->fallback);
    buf_add(out, " | ");
    put_cell(out, row->help);
    if (row->type == DIR_UNSUPPORTED)
        buf_add(out, row->help != NULL ? " (not supported yet)" : "not supported yet");
    buf_add(out, " |\n");
}

static void put_rows(struct buf *out, const struct directive *table)
{
    buf_add(out, "| Directive | Default | Meaning |\n| --- | --- | --- |\n");
    for (const struct directive *row = table; row->name != NULL; row++) {
        buf_add(out, "| ");
        put_code(out, row->usage != NULL ? row->usage : row->name);
        put_tail(out, row);
        for (const struct directive *key = row->keys; key != NULL && key->name != NULL; key++) {
            buf_printf(out, "| &nbsp;&nbsp;`%s=", key->name);
            put_values(out, key);
            buf_add(out, "`");
            put_tail(out, key);
        }
    }
    buf_add(out, "\n");
}

/* Each block after the table that names it, outermost first. */
static void put_blocks(struct buf *out, const struct directive *table, const char *where)
{
    buf_printf(out, "### %s\n\n", where);
    put_rows(out, table);
    for (const struct directive *row = table; row->name != NULL; row++) {
        char inner[64];
        snprintf(inner, sizeof(inner), "In `%s`", row->name);
        if (row->block != NULL)
            put_blocks(out, row->block, inner);
    }
}

int cli_directives(int argc, char **argv)
{
    static const struct cli_option options[] = { { NULL, 0, false } };
    struct cli_args args = cli_args(argc, argv);
    const char *value;
    int option = cli_next(&args, options, &value);
    if (option != CLI_END)
        return option == CLI_OPERAND ? cli_surplus(&args, value) : EXIT_USAGE;
    struct buf out;
    buf_init(&out);
    put_blocks(&out, root_directives, "At the top");
    cli_print(stdout, &out);
    buf_done(&out);
    return EXIT_GOOD;
}
