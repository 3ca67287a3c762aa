// Signing in, accounts, tokens, care teams.
#include <atomic>

#include "base/error.h"
#include "base/text.h"
#include "serve/json.h"
#include "serve/session_cookie.h"

namespace cangong {
namespace {

// A password costs 32 MB and a tenth of a second: only so many are looked at together, so that
// others are answered meanwhile.
class SigningIn {
 public:
  SigningIn() {
    if (++count_ <= kMost) return;
    --count_;
    throw HttpError{429, "many are signing in; try again in a second"};
  }
  ~SigningIn() { --count_; }
  SigningIn(const SigningIn&) = delete;
  SigningIn& operator=(const SigningIn&) = delete;

 private:
  static constexpr int kMost = 4;
  static inline std::atomic<int> count_ = 0;
};

Json account_json(const Account& account) {
  return {{"name", account.name}, {"roles", names_of(account.roles)}};
}

}  // namespace

Response sign_in(Call& call) {
  const SigningIn turn;
  const Json body = body_of(call, {"name", "password", "new_password", "code"});
  const Accounts::SignIn who{text_in(body, "name"), text_in(body, "password"),
                             text_in(body, "new_password"), text_in(body, "code")};
  call.asker.user = who.name.substr(0, 63);
  try {
    const Accounts::Session session = call.service.accounts().sign_in(who, call.now);
    note(call, "sign_in");
    Json answer = account_json(session.account);
    answer["csrf"] = session.csrf;
    answer["minutes_idle"] = call.service.config().minutes_idle;
    Response response = json_response(answer);
    response.headers.emplace_back("Set-Cookie", session_cookie(session.id, ""));
    return response;
  } catch (const Error& error) {
    if (error.fault == Fault::denied) {
      note(call, "sign_in_failed");
      throw HttpError{401, error.what()};
    }
    throw;
  }
}

Response sign_out(Call& call) {
  if (!call.session.empty()) call.service.accounts().sign_out(call.session);
  note(call, "sign_out");
  Response response = json_response(Json::object());
  response.headers.emplace_back("Set-Cookie", session_cookie("", "; Max-Age=0"));
  return response;
}

Response who_am_i(Call& call) {
  Json answer = account_json(call.account);
  answer["minutes_idle"] = call.service.config().minutes_idle;
  answer["second_factor"] = call.service.accounts().factors().has(call.account.name);
  if (const auto session = call.service.accounts().session(call.session, call.now))
    answer["csrf"] = session->csrf;
  return json_response(answer);
}

namespace {

// A program has no second factor: its token would change that of the person.
void require_session(const Call& call) {
  if (call.session.empty()) throw HttpError{403, "sign in for this; a token cannot do it"};
}

}  // namespace

Response begin_second_factor(Call& call) {
  require_session(call);
  const SigningIn turn;
  const Json body = body_of(call, {"password"});
  note(call, "second_factor", {{"action", "begun"}});
  Accounts& accounts = call.service.accounts();
  accounts.require_password(call.account.name, text_in(body, "password"), call.now);
  const std::string secret = accounts.factors().begin(call.account.name);
  return json_response({{"secret", secret},
                        {"uri", "otpauth://totp/Cangong:" + encode_url(call.account.name) +
                                    "?secret=" + secret + "&issuer=Cangong"}},
                       201);
}

Response change_second_factor(Call& call) {
  require_session(call);
  const Json body = body_of(call, {"code", "remove"});
  const Json remove = body.value("remove", Json(false));
  if (!remove.is_boolean()) throw HttpError{400, "remove is true or false"};
  const auto change =
      remove.get<bool>() ? Accounts::FactorChange::remove : Accounts::FactorChange::confirm;
  note(call, "second_factor", {{"action", remove.get<bool>() ? "remove" : "confirm"}});
  try {
    call.service.accounts().change_factor(call.account.name, text_in(body, "code"), change,
                                          call.now);
  } catch (const Error&) {
    note(call, "second_factor", {{"action", "failed"}});
    throw;
  }
  return {204, "", ""};
}

Response remove_second_factor(Call& call) {
  note(call, "second_factor", {{"action", "remove"}, {"account", call.parts[0]}});
  call.service.accounts().factors().remove(call.parts[0]);
  return {204, "", ""};
}

Response break_glass(Call& call) {
  const Json body = body_of(call, {"patient", "reason"});
  const std::string patient = text_in(body, "patient"), reason(trim(text_in(body, "reason")));
  if (reason.size() < 10) throw HttpError{400, "say why, in ten letters at least; it is recorded"};
  const auto number = call.hospital().find(patient);
  if (!number) {
    note(call, "break_glass", {{"unknown", patient.substr(0, 200)}, {"reason", reason}});
    throw HttpError{404, "no such patient"};
  }
  const std::string id = call.hospital().fhir_id(*number);
  note(call, "break_glass", Json{{"subject", id}, {"reason", reason}});
  call.service.accounts().break_glass(call.account.name, *number, call.now);
  return json_response({{"minutes", AccountLimits().minutes_of_break_glass}});
}

Response list_accounts(Call& call) {
  Json all = Json::array();
  for (const Account& account : call.service.accounts().list())
    all.push_back(account_json(account));
  return json_response({{"accounts", all}});
}

Response add_account(Call& call) {
  const Json body = body_of(call, {"name", "password", "roles"});
  Roles roles = 0;
  if (!body.contains("roles") || !body["roles"].is_array())
    throw HttpError{400, "roles is a list of clinician, scientist, integrator, admin, auditor"};
  for (const Json& name : body["roles"]) {
    const auto role = name.is_string() ? role_named(name.get<std::string>()) : std::nullopt;
    if (!role) throw HttpError{400, "a role is clinician, scientist, integrator, admin or auditor"};
    roles = roles | *role;
  }
  const std::string name = text_in(body, "name");
  call.service.accounts().add(name, text_in(body, "password"), roles);
  note(call, "add_account", Json{{"account", name}, {"roles", names_of(roles)}});
  return json_response(account_json({name, roles}), 201);
}

Response remove_account(Call& call) {
  if (call.parts[0] == call.account.name) throw HttpError{409, "nobody removes their own account"};
  call.service.accounts().remove(call.parts[0]);
  note(call, "remove_account", Json{{"account", call.parts[0]}});
  return {204, "", ""};
}

Response add_token(Call& call) {
  const Json body = body_of(call, {"label", "days"});
  const Json days = body.value("days", Json(90));
  if (!days.is_number_integer() || days.get<std::int64_t>() < 1 || days.get<std::int64_t>() > 3660)
    throw HttpError{400, "days is 1 to 3660"};
  const std::string token = call.service.accounts().add_token(call.parts[0], text_in(body, "label"),
                                                              days.get<int>(), call.now);
  note(call, "add_token", Json{{"account", call.parts[0]}, {"label", text_in(body, "label")}});
  return json_response({{"token", token}, {"days", days}}, 201);
}

namespace {

Response change_care(Call& call, const char* what,
                     void (Accounts::*change)(const std::string&, PatientId)) {
  const auto patient = call.hospital().find(call.parts[1]);
  if (!patient) throw HttpError{404, "no such patient"};
  (call.service.accounts().*change)(call.parts[0], *patient);
  note(call, what,
       Json{{"account", call.parts[0]}, {"subject", call.hospital().fhir_id(*patient)}});
  return {204, "", ""};
}

}  // namespace

Response add_care(Call& call) {
  return change_care(call, "add_care", &Accounts::add_care);
}

Response remove_care(Call& call) {
  return change_care(call, "remove_care", &Accounts::remove_care);
}

}  // namespace cangong
