// The browser's way through a sign-in elsewhere, and from an EHR to a patient's page.
#include "base/error.h"
#include "base/text.h"
#include "serve/json.h"
#include "serve/session_cookie.h"
#include "serve/sign_on.h"

namespace cangong {
namespace {

constexpr const char* kCookie = "__Host-cangong-sign-on";

std::string back_to(const Call& call) {
  return call.service.public_url() + "/auth/sign-on";
}

// Lax: the cookie has to come back with the browser from the other side.
Response to(const std::string& url, const std::string& browser, const char* more) {
  Response response{302, "", "", {{"Location", url}}};
  response.headers.emplace_back(
      "Set-Cookie",
      std::string(kCookie) + "=" + browser + "; Path=/; Secure; HttpOnly; SameSite=Lax" + more);
  return response;
}

Response away(const SignOn::Begun& begun) {
  return to(begun.url, begun.browser, "; Max-Age=600");
}

std::string asked(const Call& call, const char* name) {
  return call.request.asked(name).value_or("");
}

// Who was sent to a patient by the EHR cares for the patient for an hour.
std::string page_of(Call& call, const SignOn::Arrived& arrived) {
  const auto patient =
      arrived.patient.empty() ? std::nullopt : call.hospital().find_outside(arrived.patient);
  if (!patient) return "/";
  const std::string id = call.hospital().fhir_id(*patient);
  note(call, "launch", {{"subject", id}, {"with", arrived.provider}});
  call.service.accounts().break_glass(arrived.account, *patient, call.now);
  return "/#/patient/" + encode_url(id);
}

}  // namespace

Response list_sign_on(Call& call) {
  return json_response({{"names", call.service.sign_on().names()}});
}

Response begin_sign_on(Call& call) {
  return away(call.service.sign_on().begin(call.parts[0], back_to(call), call.asker, call.now));
}

Response begin_launch(Call& call) {
  const std::string issuer = asked(call, "iss"), launch = asked(call, "launch");
  if (issuer.empty() || launch.empty()) throw HttpError{400, "an EHR sends iss and launch"};
  return away(call.service.sign_on().launch(issuer, launch, back_to(call), call.asker, call.now));
}

Response finish_sign_on(Call& call) {
  const std::string state = asked(call, "state"), code = asked(call, "code");
  try {
    if (state.empty() || code.empty())
      fail(Fault::denied,
           "the other side did not let you in (" + shorten(asked(call, "error"), 40) + ")");
    const SignOn::Arrived arrived = call.service.sign_on().finish(
        state, code, cookie_of(call.request, kCookie), call.asker, call.now);
    call.asker.user = arrived.account;
    const Accounts::Session session =
        call.service.accounts().begin_session(arrived.account, call.now);
    note(call, "sign_in", {{"with", arrived.provider}});
    Response response = to(page_of(call, arrived), "", "; Max-Age=0");
    response.headers.emplace_back("Set-Cookie", session_cookie(session.id, ""));
    return response;
  } catch (const Error& error) {
    if (error.fault == Fault::storage || error.fault == Fault::internal) throw;
    note(call, "sign_in_failed", {{"with", "sign_on"}});
    throw HttpError{401, error.what()};
  }
}

}  // namespace cangong
