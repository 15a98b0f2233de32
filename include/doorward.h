/* Everything of libdoorward. */
#ifndef DOORWARD_H
#define DOORWARD_H

#include <doorward/base.h>
#include <doorward/jose.h>
#include <doorward/jwe.h>
#include <doorward/jws_json.h>
#include <doorward/model.h>
#include <doorward/otp.h>
#include <doorward/password.h>
#include <doorward/http.h>
#include <doorward/tls.h>
#include <doorward/rate_limit.h>
#include <doorward/middleware.h>
#include <doorward/app.h>
#include <doorward/websocket.h>
#include <doorward/auth.h>
#include <doorward/docs.h>
#include <doorward/policy.h>
#include <doorward/metrics.h>

#endif
