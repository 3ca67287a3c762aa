// What of the table of addresses a program's scopes open.
#pragma once

#include "serve/route.h"
#include "serve/scopes.h"

namespace cangong {

// Throws 403 where they do not let the call through. Below /fhir alone do they let anything.
void require_scopes(const Scopes& scopes, const Route& route, const Call& call);

}  // namespace cangong
