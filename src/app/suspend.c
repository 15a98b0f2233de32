#include "app/suspend.h"

#include "app/application.h"

bool suspend_is_possible(const struct dw_request *r)
{
    return http_may_suspend(r);
}

void suspend(struct dw_request *r, suspend_finish *finish, void *state)
{
    app_state(r)->finish = finish;
    app_state(r)->finish_state = state;
    http_suspend(r);
}

void suspend_over(void *request)
{
    http_resume(request);
}
