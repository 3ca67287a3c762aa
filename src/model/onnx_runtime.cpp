#include "model/onnx_runtime.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/program.h"
#include "model/onnx_check.h"

namespace cangong {
namespace {

// The C interface of ONNX Runtime is a table of functions to which later versions only append, so
// that a place in it is a promise. These are the places of what is used here, in version 1.
enum class Place : std::size_t {
  get_error_message = 2,
  create_env = 3,
  create_session_from_array = 8,
  run = 9,
  create_session_options = 10,
  set_intra_op_threads = 24,
  set_inter_op_threads = 25,
  session_input_count = 30,
  session_output_count = 31,
  session_input_type = 33,
  session_input_name = 36,
  session_output_name = 37,
  create_tensor_with_data = 49,
  tensor_data = 51,
  cast_to_tensor_info = 55,
  onnx_type = 56,
  element_type = 60,
  dimension_count = 61,
  dimensions = 62,
  tensor_info = 65,
  value_type = 67,
  create_cpu_memory_info = 69,
  allocator_free = 76,
  default_allocator = 78,
  release_status = 93,
  release_memory_info = 94,
  release_session = 95,
  release_value = 96,
  release_type_info = 98,
  release_tensor_info = 99,
  release_session_options = 100,
};

enum Element : int { kFloat = 1, kInt64 = 7, kDouble = 11 };
constexpr int kTensor = 1;  // of the kinds of values
constexpr std::uint32_t kVersion = 1;
constexpr int kFatalOnly = 4;  // what it has to say it says by its results

struct ApiBase {
  const void* const* (*table)(std::uint32_t version);
  const char* (*version)();
};

const void* const* table() {
  static const void* const* const functions = [] {
    // Where it was at the time of the build, or beside the program. By a whole path: sanitizers
    // come between, and what the program knows of paths is then not asked.
    const fs::path built = CANGONG_ONNX_RUNTIME;
    const fs::path beside = program_file().parent_path() / built.filename();
    const fs::path file = fs::exists(beside) ? beside : built;
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      fail(Fault::missing, std::string("this build computes no ONNX models: ") + ::dlerror());
    void* symbol = ::dlsym(library, "OrtGetApiBase");
    if (!symbol) fail(Fault::missing, file.string() + " is no ONNX Runtime");
    return reinterpret_cast<const ApiBase* (*)()>(symbol)()->table(kVersion);
  }();
  return functions;
}

template <class Result, class... Arguments>
Result call(Place place, Arguments... arguments) {
  using Function = Result (*)(Arguments...);
  const auto function =
      reinterpret_cast<Function>(const_cast<void*>(table()[static_cast<std::size_t>(place)]));
  return function(arguments...);
}

// Of a function that gives a status: empty, or why it failed.
template <class... Arguments>
std::string trouble_of(Place place, Arguments... arguments) {
  void* status = call<void*>(place, arguments...);
  if (!status) return "";
  const std::string why = call<const char*>(Place::get_error_message,
                                            const_cast<const void*>(static_cast<void*>(status)));
  call<void>(Place::release_status, status);
  return why.empty() ? "failed" : why;
}

template <class... Arguments>
void need(Place place, Arguments... arguments) {
  if (const std::string why = trouble_of(place, arguments...); !why.empty())
    fail(Fault::config, "ONNX Runtime: " + why);
}

// What the library made, given back at the end.
class Owned {
 public:
  explicit Owned(Place release) : release_(release) {}
  ~Owned() {
    if (pointer_) call<void>(release_, pointer_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  void* get() const { return pointer_; }
  const void* seen() const { return pointer_; }
  void** out() { return &pointer_; }

 private:
  Place release_;
  void* pointer_ = nullptr;
};

// For the life of the program: the library wants one.
const void* environment() {
  static void* const made = [] {
    void* env = nullptr;
    need(Place::create_env, kFatalOnly, static_cast<const char*>("cangong"), &env);
    return env;
  }();
  return made;
}

void* allocator() {
  void* found = nullptr;
  need(Place::default_allocator, &found);
  return found;
}

std::string name_at(const Owned& session, Place place, std::size_t index) {
  char* text = nullptr;
  need(place, session.seen(), index, allocator(), &text);
  std::string name = text;
  need(Place::allocator_free, allocator(), static_cast<void*>(text));
  return name;
}

std::vector<std::int64_t> shape_of(const void* info) {
  std::size_t count = 0;
  need(Place::dimension_count, info, &count);
  std::vector<std::int64_t> shape(count);
  need(Place::dimensions, info, shape.data(), count);
  return shape;
}

template <class From>
void copy(const void* data, RealMatrix& to) {
  const auto* from = static_cast<const From*>(data);
  std::copy(from, from + to.values.size(), to.values.begin());
}

}  // namespace

struct OnnxSession::State {
  Owned session{Place::release_session}, memory{Place::release_memory_info};
  std::string input;
  int element = kFloat;
  std::size_t columns = 0;
  std::vector<std::string> outputs;

  void read_input() {
    std::size_t inputs = 0;
    need(Place::session_input_count, session.seen(), &inputs);
    if (inputs != 1)
      fail(Fault::config, "the ONNX model has " + std::to_string(inputs) +
                              " inputs; export it with one: a table of 32-bit reals");
    input = name_at(session, Place::session_input_name, 0);
    Owned type(Place::release_type_info);
    need(Place::session_input_type, session.seen(), std::size_t{0}, type.out());
    const void* info = nullptr;
    need(Place::cast_to_tensor_info, type.seen(), &info);
    if (info) need(Place::element_type, info, &element);
    const auto shape = info ? shape_of(info) : std::vector<std::int64_t>();
    if (shape.size() != 2 || (element != kFloat && element != kDouble))
      fail(Fault::config,
           "the input \"" + input + "\" of the ONNX model is no table of reals (rows x columns)");
    columns = shape[1] > 0 ? static_cast<std::size_t>(shape[1]) : 0;
  }
};

OnnxSession::OnnxSession(const std::string& bytes) : state_(std::make_unique<State>()) {
  require_plain_onnx(bytes);
  Owned options(Place::release_session_options);
  need(Place::create_session_options, options.out());
  need(Place::set_intra_op_threads, options.get(), 1);
  need(Place::set_inter_op_threads, options.get(), 1);
  need(Place::create_session_from_array, environment(), static_cast<const void*>(bytes.data()),
       bytes.size(), options.seen(), state_->session.out());
  constexpr int kDeviceAllocator = 0, kDefaultMemory = 0;
  need(Place::create_cpu_memory_info, kDeviceAllocator, kDefaultMemory, state_->memory.out());
  state_->read_input();
  std::size_t outputs = 0;
  need(Place::session_output_count, state_->session.seen(), &outputs);
  for (std::size_t i = 0; i < outputs; ++i)
    state_->outputs.push_back(name_at(state_->session, Place::session_output_name, i));
}

OnnxSession::~OnnxSession() = default;

std::size_t OnnxSession::columns() const {
  return state_->columns;
}
const std::vector<std::string>& OnnxSession::outputs() const {
  return state_->outputs;
}

RealMatrix OnnxSession::run(const Matrix& x, const std::string& output) const {
  if (x.rows == 0) return {};
  std::vector<float> narrow;
  std::vector<double> wide;
  state_->element == kFloat ? narrow.assign(x.values.begin(), x.values.end())
                            : wide.assign(x.values.begin(), x.values.end());
  void* data = state_->element == kFloat ? static_cast<void*>(narrow.data()) : wide.data();
  const std::size_t bytes = narrow.size() * sizeof(float) + wide.size() * sizeof(double);
  const std::array shape{static_cast<std::int64_t>(x.rows), static_cast<std::int64_t>(x.columns)};
  Owned table(Place::release_value), answer(Place::release_value);
  need(Place::create_tensor_with_data, state_->memory.seen(), data, bytes, shape.data(),
       shape.size(), state_->element, table.out());
  const char *in = state_->input.c_str(), *out = output.c_str();
  const void* input = table.seen();
  // Why is not told: it may hold values of a patient.
  if (!trouble_of(Place::run, state_->session.get(), static_cast<const void*>(nullptr),
                  static_cast<const char* const*>(&in), static_cast<const void* const*>(&input),
                  std::size_t{1}, static_cast<const char* const*>(&out), std::size_t{1},
                  answer.out())
           .empty())
    fail(Fault::model, "the ONNX model cannot be computed for these rows");
  int kind = 0;
  need(Place::value_type, answer.seen(), &kind);
  if (kind != kTensor)
    fail(Fault::config, "the output \"" + output +
                            "\" of the ONNX model is no table of numbers; from scikit-learn, "
                            "export it with zipmap: False");
  Owned info(Place::release_tensor_info);
  need(Place::tensor_info, answer.seen(), info.out());
  int element = 0;
  need(Place::element_type, info.seen(), &element);
  const auto given = shape_of(info.seen());
  const bool table_of_rows =
      (given.size() == 1 || given.size() == 2) && given[0] == static_cast<std::int64_t>(x.rows);
  if (!table_of_rows)
    fail(Fault::config,
         "the output \"" + output + "\" of the ONNX model has not a row for each row");
  RealMatrix result(x.rows, given.size() == 2 ? static_cast<std::size_t>(given[1]) : 1);
  void* values = nullptr;
  need(Place::tensor_data, answer.get(), &values);
  if (element == kFloat)
    copy<float>(values, result);
  else if (element == kDouble)
    copy<double>(values, result);
  else if (element == kInt64)
    copy<std::int64_t>(values, result);
  else
    fail(Fault::config, "the output \"" + output + "\" of the ONNX model holds no real numbers");
  return result;
}

}  // namespace cangong
