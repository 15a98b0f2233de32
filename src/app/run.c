/* dw_app_run(): an application's whole life in one call. */
#include "app/application.h"

#include <errno.h>

/* Of what went wrong while serving, in words; a text that dw_app_new() wrote is left as it is. */
static void problem_complete(char problem[DW_PROBLEM_SIZE], const char *listen, enum dw_err err, int why)
{
    if (err == DW_OK || problem[0] != '\0')
        return;
    if (err == DW_ERR_SETTING)
        snprintf(problem, DW_PROBLEM_SIZE, "%.100s is no address to listen on", listen);
    else if (err == DW_ERR_IO)
        snprintf(problem, DW_PROBLEM_SIZE, "can't listen on %.100s: %.100s", listen, strerror(why));
    else
        snprintf(problem, DW_PROBLEM_SIZE, "%s", dw_error_info(err)->code);
}

enum dw_err dw_app_run(const struct dw_app_config *config, const struct dw_server_config *server,
                       char ret_problem[DW_PROBLEM_SIZE])
{
    const struct dw_server_config defaults = { 0 };
    char problem[DW_PROBLEM_SIZE] = "";
    struct dw_app *app = NULL;

    if (server == NULL)
        server = &defaults;
    errno = 0;
    enum dw_err err = dw_app_new(config, &app, problem);
    if (err == DW_OK)
        err = dw_serve(app, server);
    problem_complete(problem, server->listen == NULL ? "the default address" : server->listen, err, errno);
    dw_app_free(&app);
    if (err != DW_OK && ret_problem != NULL)
        memcpy(ret_problem, problem, DW_PROBLEM_SIZE);
    return err;
}
