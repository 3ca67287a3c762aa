#include <charconv>
#include <nlohmann/json.hpp>

#include "base/safetensors.h"
#include "base/yaml_quote.h"
#include "engine/foundation.h"
#include "model/timeline_model.h"
#include "source/delphi_labels.h"

namespace cangong {
namespace {

constexpr const char* kEmbedding = "transformer.wte.weight";
const std::string kOther = "DELPHI//";           // names that are no codes
constexpr const char* kHead = "lm_head.weight";  // the embedding again

// What the official code keeps beside weights, and what it computes anew.
bool is_computed(const std::string& name) {
  return name == kHead || name.ends_with(".attn.bias") || name.ends_with(".div_term");
}

std::size_t number_told(const std::map<std::string, std::string>& about, const char* key,
                        std::size_t said) {
  const auto found = about.find(key);
  std::size_t number = said;
  if (said == 0 && found != about.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), number);
  return number;
}

DelphiShape shape_of(const Safetensors& file, std::size_t heads, const std::string& name) {
  const auto embedding = file.arrays.find(kEmbedding);
  if (embedding == file.arrays.end() || embedding->second.shape.size() != 2)
    fail(Fault::input, name + " holds no weights of Delphi: " + kEmbedding +
                           " is missing; name them as the official code does");
  DelphiShape shape;
  shape.vocabulary = embedding->second.shape[0], shape.width = embedding->second.shape[1];
  shape.heads = number_told(file.about, "n_head", heads), shape.layers = 0;
  while (file.arrays.contains("transformer.h." + std::to_string(shape.layers) + ".ln_1.weight"))
    ++shape.layers;
  if (shape.heads == 0)
    fail(Fault::config, name + " does not say how many heads share the width; give --heads");
  if (shape.layers == 0 || shape.width % shape.heads != 0 || shape.width % 2 != 0)
    fail(Fault::input, name + ": the heads do not divide the width, or there are no layers");
  return shape;
}

DelphiNetwork<float>::Weights weights_of(Safetensors&& file, const DelphiShape& shape,
                                         const std::string& name) {
  const auto table = shape.weights();
  DelphiNetwork<float>::Weights weights;
  for (auto& [weight, array] : file.arrays) {
    if (weight == kHead && array.values != file.arrays.at(kEmbedding).values)
      fail(Fault::input, name + ": " + kHead + " is not the embedding, as Delphi's is");
    if (is_computed(weight)) continue;
    const auto known = std::find_if(table.begin(), table.end(),
                                    [&](const auto& one) { return one.name == weight; });
    if (known == table.end())
      fail(Fault::input, name + ": " + weight + " is no weight of Delphi without biases");
    if (known->rows > 1 && array.shape != std::vector{known->rows, known->columns})
      fail(Fault::input, name + ": " + weight + " is not " + std::to_string(known->rows) + " x " +
                             std::to_string(known->columns) + " ([out, in])");
    if (!std::all_of(array.values.begin(), array.values.end(),
                     [](float v) { return std::isfinite(v); }))
      fail(Fault::input, name + ": " + weight + " has what is no number");
    weights[weight] = weight == kEmbedding ? array.values : std::move(array.values);
  }
  return weights;
}

// Sex and the ways of living are known; diseases and death are foretold.
TokenVocabulary vocabulary_of(const fs::path& file, std::size_t size) {
  const auto labels = read_delphi_labels(file);
  if (labels.size() != size)
    fail(Fault::input, file.string() + " has " + std::to_string(labels.size()) +
                           " names, the weights are of " + std::to_string(size) + " ids");
  nlohmann::ordered_json tokens = nlohmann::ordered_json::array();
  std::size_t first_outcome = 0;
  const auto is_outcome = [](const std::string& code) {
    return code.starts_with("ICD10//") || code.starts_with(kOther) || code == "MEDS_DEATH";
  };
  for (std::size_t id = 0; id < labels.size(); ++id) {
    const std::string& name = labels[id].description;
    const std::string code =
        labels[id].code.empty() ? kOther + name.substr(0, name.find(' ')) : labels[id].code;
    if (id >= 2 && first_outcome == 0 && is_outcome(code)) first_outcome = id;
    const char* kind = id == 0             ? "padding"
                       : id == 1           ? "no_event"
                       : first_outcome > 0 ? "outcome"
                                           : "input";
    tokens.push_back({id < 2 ? "" : code, 0, kind, 0, id == 1, 0.0});
  }
  return TokenVocabulary::parse(
      nlohmann::ordered_json{{"format", 1},
                             {"first_outcome", first_outcome},
                             {"excluded", nlohmann::ordered_json::array()},
                             {"birth_years", 0},
                             {"tokens", tokens},
                             {"cuts", nlohmann::ordered_json::object()}}
          .dump());
}

std::string label_of(const Token& token) {
  if (token.kind == Token::Kind::padding) return "Padding";
  if (token.kind == Token::Kind::no_event) return "No event";
  if (token.code == "GENDER//F") return "Female";
  if (token.code == "GENDER//M") return "Male";
  if (token.code == "MEDS_DEATH") return "Death";
  std::string name = token.name();
  for (const std::string& prefix : {std::string("ICD10//"), kOther})
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  for (std::size_t at = name.find("//"); at != std::string::npos; at = name.find("//"))
    name.replace(at, 2, "_");
  for (char& c : name)
    if (c == ' ' || c == ',') c = '_';
  return name;
}

// How the official code would have been told to train it, as far as the weights say.
std::string recipe_of(const TimelineFacts& facts, const DelphiShape& shape) {
  return "name: " + yaml_quoted(facts.name) +
         "\nwindow: {context: " + std::to_string(facts.context) +
         ", from: first, keep_birth: false, ties: hidden, silence: left_out, least_days: 1, "
         "resolution_days: 0.1}\n" +
         "model: {layers: " + std::to_string(shape.layers) +
         ", heads: " + std::to_string(shape.heads) + ", width: " + std::to_string(shape.width) +
         "}\n";
}

}  // namespace

ConvertReply convert_from_delphi(const ConvertRequest& request) {
  if (request.labels.empty())
    fail(Fault::config, "without labels.csv nobody knows what the ids stand for; give --labels");
  const std::string name = request.from.string();
  Safetensors file = read_safetensors(read_file(request.from), name);
  const DelphiShape shape = shape_of(file, request.heads, name);
  TimelineFacts facts;
  facts.name = request.out.filename().string();
  facts.description = "Weights of Delphi, trained elsewhere (Shmatko et al. 2025).";
  facts.context = number_told(file.about, "block_size", request.context);
  if (facts.context == 0) facts.context = ConvertRequest::kContext;
  facts.no_event_years = 5;  // the official code's
  facts.cross_entropy = facts.waiting = kNaN;
  TokenVocabulary vocabulary = vocabulary_of(request.labels, shape.vocabulary);
  BundleWriter bundle;
  TimelineModel(std::move(vocabulary),
                DecoderWeights(shape, weights_of(std::move(file), shape, name),
                               DecoderWeights::Ways::forward),
                facts)
      .write(bundle);
  bundle.add("recipe.yaml", recipe_of(facts, shape));
  return {bundle.commit(request.out), shape.vocabulary, shape.parameters()};
}

ConvertReply convert_to_delphi(const ConvertRequest& request) {
  const Bundle bundle = Bundle::open(request.from);
  const TimelineModel model = TimelineModel::open(bundle);
  const DelphiShape& shape = model.weights().shape();
  if (shape.additive)
    fail(Fault::config, request.from.string() +
                            " has an additive part, which Delphi does not; train one without it");
  NamedArrays arrays;
  for (std::size_t i = 0; i < model.weights().count(); ++i) {
    const auto& [name, rows, columns] = model.weights().about(i);
    NamedArray& array = arrays[name];
    array.shape = rows == 1 ? std::vector{columns} : std::vector{rows, columns};
    array.values.assign(model.weights().at(i), model.weights().at(i) + rows * columns);
  }
  arrays[kHead] = arrays.at(kEmbedding);
  std::string labels;
  for (std::size_t id = 0; id < shape.vocabulary; ++id)
    labels += label_of(model.vocabulary().token(static_cast<std::int32_t>(id))) + "\n";
  const fs::path beside = fs::path(request.out).replace_extension(".labels.csv");
  for (const fs::path& file : {request.out, beside})
    if (fs::exists(file)) fail(Fault::input, file.string() + " exists; name another file");
  write_file(beside, labels);
  write_file(request.out,
             write_safetensors(arrays, {{"n_layer", std::to_string(shape.layers)},
                                        {"n_head", std::to_string(shape.heads)},
                                        {"n_embd", std::to_string(shape.width)},
                                        {"vocab_size", std::to_string(shape.vocabulary)},
                                        {"block_size", std::to_string(model.facts().context)},
                                        {"bias", "false"}}));
  return {bundle.digest(), shape.vocabulary, shape.parameters()};
}

}  // namespace cangong
