// The Python module: the same door as the command line. Arrays are views of the C++ objects' own
// memory, which they keep alive.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "base/error.h"
#include "base/parallel.h"
#include "cli/show.h"
#include "cohort/label.h"
#include "engine/engine.h"
#include "explain/shap.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace cangong {
namespace {

using Longs = nb::ndarray<nb::numpy, const std::int64_t, nb::ndim<1>>;
using Reals = nb::ndarray<nb::numpy, const double, nb::ndim<1>>;
using Floats = nb::ndarray<nb::numpy, float, nb::ndim<2>, nb::c_contig>;
using Inputs = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Hands a rectangle over to Python, which frees it.
template <class Number>
auto handed_over(Rectangle<Number> matrix) {
  auto* kept = new Rectangle<Number>(std::move(matrix));
  const nb::capsule owner(kept,
                          [](void* p) noexcept { delete static_cast<Rectangle<Number>*>(p); });
  return nb::ndarray<nb::numpy, Number, nb::ndim<2>, nb::c_contig>(
      kept->values.data(), {kept->rows, kept->columns}, owner);
}

std::vector<std::string> shards_of(const Store& store) {
  std::vector<std::string> files;
  for (const auto& shard : store.inventory().shards)
    files.push_back((store.generation() / shard.file).string());
  return files;
}

std::vector<std::string> codes_of(const Store& store) {
  std::vector<std::string> codes;
  for (CodeId id = 0; id < store.codes().size(); ++id) codes.push_back(store.codes().name(id));
  return codes;
}

// Labels as columns. `value`: 1 or 0, a number, days, or the number of a class; NaN: none.
struct LabelColumns {
  fs::path folder;  // of all tasks
  std::string task, kind;
  std::vector<LabelRow> rows;
  std::vector<std::int64_t> patients, times;
  std::vector<double> values;
  std::vector<std::int64_t> causes;  // survival
  std::vector<std::string> classes;
};

struct ValueOf {
  LabelColumns& columns;
  double operator()(bool yes) const { return yes ? 1 : 0; }
  double operator()(std::int64_t n) const { return static_cast<double>(n); }
  double operator()(double v) const { return v; }
  double operator()(const Survival& s) const {
    columns.causes.back() = s.cause;
    return s.days;
  }
  double operator()(const std::string& word) const {
    auto& classes = columns.classes;
    const auto at = std::find(classes.begin(), classes.end(), word);
    if (at == classes.end()) classes.push_back(word);
    return static_cast<double>(std::find(classes.begin(), classes.end(), word) - classes.begin());
  }
};

LabelColumns read_columns(const fs::path& folder, const std::string& task) {
  NamedLabels named = find_labels(folder, task);
  LabelColumns columns{folder, named.task, "", std::move(named.rows), {}, {}, {}, {}, {}};
  constexpr const char* kKinds[] = {"boolean", "count", "value", "category", "survival"};
  for (const LabelRow& row : columns.rows) {
    columns.patients.push_back(row.patient.for_storage());
    columns.times.push_back(row.when.time_since_epoch().count());
    columns.causes.push_back(0);
    columns.values.push_back(row.label ? std::visit(ValueOf{columns}, *row.label) : std::nan(""));
    if (row.label && columns.kind.empty()) columns.kind = kKinds[row.label->index()];
  }
  return columns;
}

LabelColumns label(const fs::path& task, const fs::path& store, const fs::path& out) {
  const LabelReply reply = label_data({{task}, std::nullopt, store, out, default_threads()});
  return read_columns(out, reply.tasks.at(0).task);
}

// A trained bundle with what its answers need.
struct Model {
  fs::path path;
  Pipeline pipeline;

  explicit Model(const fs::path& bundle)
      : path(bundle), pipeline(read_pipeline(Bundle::open(bundle))) {}

  std::vector<std::string> features() const {
    std::vector<std::string> names;
    for (const Column& column : pipeline.encoder->columns()) names.push_back(column.name());
    return names;
  }

  Matrix encode_rows(const Store& store, const LabelColumns& labels) const {
    const StoreHistories histories(store, labels.rows);
    return dense(cangong::encode(*pipeline.encoder, histories, default_threads()),
                 pipeline.encoder->columns());
  }

  Matrix matrix_of(const Inputs& x) const {
    if (x.shape(1) != pipeline.encoder->columns().size())
      fail(Fault::input, "the array has " + std::to_string(x.shape(1)) + " columns, the model " +
                             std::to_string(pipeline.encoder->columns().size()) + " features");
    Matrix matrix(x.shape(0), x.shape(1));
    std::copy_n(x.data(), matrix.values.size(), matrix.values.begin());
    return matrix;
  }

  // rows x 1, or rows x classes.
  RealMatrix told(const Matrix& x) const {
    const Fitted& fitted = pipeline.main();
    const RealMatrix margins = fitted.margins(x);
    const bool classes = fitted.readout.answer() == Answer::category;
    RealMatrix out(x.rows, classes ? fitted.readout.classes().size() : 1);
    for (std::size_t i = 0; i < x.rows; ++i) {
      const auto row = margins.row(i);
      const auto given = classes ? fitted.readout.probabilities(row)
                                 : std::vector<double>{fitted.readout.value(row)};
      std::copy(given.begin(), given.end(), out.row(i).begin());
    }
    return out;
  }

  RealMatrix parts(const Matrix& x, std::size_t output) const {
    return shap(pipeline.main(), x, pipeline.background, output, {2, pipeline.recipe.seed});
  }

  std::string predict(const Store& store, const std::string& subject, const std::string& as_of,
                      const std::string& method) const {
    PredictRequest request;
    request.bundle = path, request.store = store.path();
    request.subject = subject, request.as_of = as_of, request.explain.method = method;
    return prediction_json(cangong::predict(request));
  }

  std::string evaluate(const Store& store, const LabelColumns& labels, const std::string& split,
                       const std::string& report, std::size_t replicates) const {
    EvaluateRequest request;
    request.bundle = path, request.store = store.path(), request.labels = labels.folder;
    request.task = labels.task, request.split = split, request.report = report;
    request.replicates = replicates, request.threads = default_threads();
    return report_json(evaluate_model(request));
  }
};

Model train(const fs::path& recipe, const Store& store, const LabelColumns& labels,
            const fs::path& out) {
  TrainRequest request;
  request.recipe = recipe, request.store = store.path(), request.labels = labels.folder;
  request.task = labels.task, request.out = out, request.threads = default_threads();
  train_model(request);
  return Model(out);
}

// Long work lets other Python threads run.
using Released = nb::call_guard<nb::gil_scoped_release>;

void add_store(nb::module_& m) {
  nb::class_<Store>(m, "Store")
      .def(
          "__init__",
          [](Store* self, const fs::path& path) { new (self) Store(Store::open(path)); }, "path"_a)
      .def_prop_ro("path", [](const Store& s) { return s.path().string(); })
      .def_prop_ro("digest", &Store::digest)
      .def_prop_ro("synthetic", [](const Store& s) { return s.inventory().synthetic; })
      .def_prop_ro("codes", &codes_of)
      .def_prop_ro("files", &shards_of)
      .def("__len__", [](const Store& s) { return s.inventory().subjects(); });
  nb::class_<LabelColumns>(m, "Labels")
      .def(
          "__init__",
          [](LabelColumns* self, const fs::path& folder, const std::string& task) {
            new (self) LabelColumns(read_columns(folder, task));
          },
          "folder"_a, "task"_a = "")
      .def_ro("task", &LabelColumns::task)
      .def_ro("kind", &LabelColumns::kind)
      .def_ro("classes", &LabelColumns::classes)
      .def("__len__", [](const LabelColumns& l) { return l.rows.size(); })
      .def_prop_ro("patients",
                   [](nb::handle self) {
                     const auto& own = nb::cast<const LabelColumns&>(self);
                     return Longs(own.patients.data(), {own.patients.size()}, self);
                   })
      .def_prop_ro("microseconds",
                   [](nb::handle self) {
                     const auto& own = nb::cast<const LabelColumns&>(self);
                     return Longs(own.times.data(), {own.times.size()}, self);
                   })
      .def_prop_ro("values",
                   [](nb::handle self) {
                     const auto& own = nb::cast<const LabelColumns&>(self);
                     return Reals(own.values.data(), {own.values.size()}, self);
                   })
      .def_prop_ro("causes", [](nb::handle self) {
        const auto& own = nb::cast<const LabelColumns&>(self);
        return Longs(own.causes.data(), {own.causes.size()}, self);
      });
  m.def("label", &label, "task"_a, "store"_a, "out"_a, Released());
}

void add_model(nb::module_& m) {
  nb::class_<Model>(m, "Model")
      .def(nb::init<const fs::path&>(), "path"_a)
      .def_prop_ro("path", [](const Model& model) { return model.path.string(); })
      .def_prop_ro("features", &Model::features)
      .def(
          "encode",
          [](const Model& model, const Store& store, const LabelColumns& labels) {
            Matrix x;
            {
              const nb::gil_scoped_release release;
              x = model.encode_rows(store, labels);
            }
            return handed_over(std::move(x));
          },
          "store"_a, "labels"_a)
      .def(
          "answers",
          [](const Model& model, const Inputs& x) {
            return handed_over(model.told(model.matrix_of(x)));
          },
          "x"_a)
      .def(
          "explain",
          [](const Model& model, const Inputs& x, std::size_t output) {
            return handed_over(model.parts(model.matrix_of(x), output));
          },
          "x"_a, "output"_a = 0)
      .def("_predict", &Model::predict, Released())
      .def("_evaluate", &Model::evaluate, Released());
  m.def("train", &train, "recipe"_a, "store"_a, "labels"_a, "out"_a, Released());
}

}  // namespace
}  // namespace cangong

NB_MODULE(_cangong, m) {
  m.attr("__version__") = std::string(cangong::kProgram).substr(8);
  nb::set_leak_warnings(false);  // views outlive the interpreter's shutdown
  nb::exception<cangong::Error>(m, "Error", PyExc_RuntimeError);
  cangong::add_store(m);
  cangong::add_model(m);
}
