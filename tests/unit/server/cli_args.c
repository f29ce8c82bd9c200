/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cli/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct cli_option options[] = { { "config", 'c', true },
                                             { "json", 0, false },
                                             { NULL, 0, false } };

/* What comes of a line: an option's index and value, "o" and operand, "!" for bad. */
static void describe(const char *line, char *out, size_t room)
{
    char words[128], name[] = "check", *argv[8] = { name };
    int argc = 1;
    snprintf(words, sizeof(words), "%s", line);
    char *rest = words, *word;
    while ((word = strsep(&rest, " ")) != NULL && *word != '\0')
        argv[argc++] = word;
    struct cli_args args = cli_args(argc, argv);
    const char *value;
    size_t len = 0;
    out[0] = '\0';
    for (int option; (option = cli_next(&args, options, &value)) != CLI_END;) {
        if (option == CLI_BAD) {
            snprintf(out + len, room - len, "!");
            return;
        }
        len += (size_t)snprintf(out + len, room - len, "%c%s ", option < 0 ? 'o' : '0' + option,
                                value != NULL ? value : "");
    }
}

static void takes_words(void **state)
{
    static const struct {
        const char *why, *line, *want;
    } rows[] = {
        { "nothing", "", "" },
        { "a letter and its value", "-c f", "0f " },
        { "glued to it", "-cf", "0f " },
        { "a name and its value", "--config f", "0f " },
        { "with =", "--config=f", "0f " },
        { "an empty value", "--config=", "0 " },
        { "no value", "--json", "1 " },
        { "operands between", "a --json b", "oa 1 ob " },
        { "- is an operand", "-", "o- " },
        { "-- ends the options", "-- --json -c", "o--json o-c " },
        { "a value may look like an option", "-c --json", "0--json " },
        { "an unknown name", "--jsn", "!" },
        { "an unknown letter", "-x", "!" },
        { "a value that is missing", "-c", "!" },
        { "a value that is not wanted", "--json=1", "!" },
        { "half a name", "--js", "!" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[128];
        describe(rows[i].line, out, sizeof(out));
        if (strcmp(out, rows[i].want) != 0)
            print_message("row: %s\n", rows[i].why);
        assert_string_equal(out, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(takes_words) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
