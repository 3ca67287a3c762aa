// Networks that read visits one after the other, while libtorch trains them.
#include <torch/torch.h>

#include <cmath>

#include "train/torch_net.h"

namespace cangong {
namespace {

namespace nn = torch::nn;

std::int64_t whole(std::size_t n) {
  return static_cast<std::int64_t>(n);
}

// Sines and cosines of rising wavelength: one step further is the same turn everywhere (Vaswani et
// al. 2017); training may move them.
torch::Tensor waves(std::int64_t steps, std::int64_t units) {
  auto out = torch::zeros({steps, units});
  for (std::int64_t s = 0; s < steps; ++s)
    for (std::int64_t u = 0; u < units; ++u) {
      const double length = std::pow(1000.0, static_cast<double>(u / 2 * 2) / units);
      const double turn = static_cast<double>(s) / length;
      out[s][u] = u % 2 ? std::cos(turn) : std::sin(turn);
    }
  return out;
}

// Self-attention over the steps that are there, then a feed-forward part; normalised before each
// (Vaswani et al. 2017; Xiong et al. 2020).
struct BlockImpl : nn::Module {
  BlockImpl(std::int64_t units, std::int64_t heads, double dropout) : heads(heads), drop(dropout) {
    before = register_module("before", nn::LayerNorm(nn::LayerNormOptions({units})));
    project = register_module("project", nn::Linear(units, 3 * units));
    join = register_module("join", nn::Linear(units, units));
    between = register_module("between", nn::LayerNorm(nn::LayerNormOptions({units})));
    widen = register_module("widen", nn::Linear(units, 2 * units));
    narrow = register_module("narrow", nn::Linear(2 * units, units));
  }

  torch::Tensor forward(torch::Tensor h, const torch::Tensor& absent) {
    const std::int64_t rows = h.size(0), steps = h.size(1), units = h.size(2);
    const auto split = [&](const torch::Tensor& t) {
      return t.view({rows, steps, heads, units / heads}).transpose(1, 2);
    };
    const auto parts = project(before(h)).chunk(3, 2);
    auto score = torch::matmul(split(parts[0]), split(parts[1]).transpose(2, 3)) /
                 std::sqrt(static_cast<double>(units / heads));
    score = score.masked_fill(absent.view({rows, 1, 1, steps}), -1e9);
    const auto seen = torch::matmul(torch::softmax(score, -1), split(parts[2]));
    h = h + torch::dropout(join(seen.transpose(1, 2).reshape({rows, steps, units})), drop,
                           is_training());
    return h + torch::dropout(narrow(torch::relu(widen(between(h)))), drop, is_training());
  }

  std::int64_t heads;
  double drop;
  nn::LayerNorm before{nullptr}, between{nullptr};
  nn::Linear project{nullptr}, join{nullptr}, widen{nullptr}, narrow{nullptr};
};
TORCH_MODULE(Block);

struct ReaderImpl : nn::Module {
  ReaderImpl(const NetworkShape& shape, double dropout) : shape(shape) {
    const std::int64_t channels = whole(shape.channels), units = whole(shape.units);
    const double between = shape.layers > 1 ? dropout : 0;
    if (shape.body == Body::gru)
      gru = register_module("gru", nn::GRU(nn::GRUOptions(channels, units)
                                               .num_layers(whole(shape.layers))
                                               .batch_first(true)
                                               .dropout(between)));
    if (shape.body == Body::lstm)
      lstm = register_module("lstm", nn::LSTM(nn::LSTMOptions(channels, units)
                                                  .num_layers(whole(shape.layers))
                                                  .batch_first(true)
                                                  .dropout(between)));
    if (shape.body != Body::transformer) return;
    embed = register_module("embed", nn::Linear(2 * channels, units));
    place = register_parameter("place", waves(whole(shape.steps), units));
    for (std::size_t k = 0; k < shape.layers; ++k)
      blocks.push_back(
          register_module("block" + std::to_string(k), Block(units, whole(shape.heads), dropout)));
    last = register_module("last", nn::LayerNorm(nn::LayerNormOptions({units})));
  }

  // Of recurrent networks the state after the last step, of attention the mean over the steps that
  // are there; zeros where there is none.
  torch::Tensor forward(const torch::Tensor& steps, const torch::Tensor& count) {
    torch::Tensor out;
    if (!gru.is_empty())
      out = std::get<0>(gru(steps));
    else if (!lstm.is_empty())
      out = std::get<0>(lstm(steps));
    else
      return attend(steps, count);
    const auto at = (count - 1).clamp_min(0).view({-1, 1, 1}).expand({-1, 1, out.size(2)});
    return out.gather(1, at).squeeze(1) * (count > 0).to(torch::kFloat32).unsqueeze(1);
  }

  torch::Tensor attend(const torch::Tensor& steps, const torch::Tensor& count) {
    const auto number = torch::arange(steps.size(1)).unsqueeze(0);
    const auto from_end = (count.unsqueeze(1) - 1 - number).clamp_min(0);
    // A step is seen together with the one before it (convolutional self-attention: Li et al.
    // 2019).
    const auto before = torch::cat(
        {torch::zeros_like(steps.narrow(1, 0, 1)), steps.narrow(1, 0, steps.size(1) - 1)}, 1);
    auto h = embed(torch::cat({steps, before}, 2)) +
             place.index_select(0, from_end.reshape({-1}))
                 .view({steps.size(0), steps.size(1), whole(shape.units)});
    const auto absent = number >= count.unsqueeze(1);
    for (auto& block : blocks) h = block(h, absent);
    h = last(h).masked_fill(absent.unsqueeze(2), 0);
    return h.sum(1) / count.clamp_min(1).to(torch::kFloat32).unsqueeze(1);
  }

  NetworkShape shape;
  nn::GRU gru{nullptr};
  nn::LSTM lstm{nullptr};
  nn::Linear embed{nullptr};
  torch::Tensor place;
  std::vector<Block> blocks;
  nn::LayerNorm last{nullptr};
};
TORCH_MODULE(Reader);

struct FusedImpl : nn::Module {
  FusedImpl(const NetworkShape& shape, double dropout, std::size_t outputs) : shape(shape) {
    reader = register_module("reader", Reader(shape, dropout));
    NetworkShape rest = shape;
    rest.body = Body::feed_forward;
    rest.facts = shape.units + shape.facts;
    head = torch_net(rest, dropout, outputs);
    register_module("head", head->module().shared_from_this());
  }

  torch::Tensor forward(const torch::Tensor& x) {
    const std::int64_t facts = whole(shape.facts), width = whole(shape.steps * shape.channels);
    const auto steps =
        x.narrow(1, facts, width).reshape({x.size(0), whole(shape.steps), whole(shape.channels)});
    const auto count = x.select(1, facts + width).to(torch::kInt64);
    return head->forward(torch::cat({reader(steps, count), x.narrow(1, 0, facts)}, 1));
  }

  NetworkShape shape;
  Reader reader{nullptr};
  std::unique_ptr<TorchNet> head;
};
TORCH_MODULE(Fused);

class SequenceNet : public TorchNet {
 public:
  SequenceNet(const NetworkShape& shape, double dropout, std::size_t outputs)
      : net_(shape, dropout, outputs) {}
  at::Tensor forward(const at::Tensor& x) override { return net_->forward(x); }
  nn::Module& module() override { return *net_; }

  std::vector<Layer> plain() override {
    std::vector<Layer> layers;
    const auto& reader = *net_->reader;
    if (!reader.gru.is_empty()) add_recurrent(*reader.gru, layers);
    if (!reader.lstm.is_empty()) add_recurrent(*reader.lstm, layers);
    if (!reader.embed.is_empty()) add_attention(reader, layers);
    for (Layer& layer : net_->head->plain()) layers.push_back(std::move(layer));
    return layers;
  }

 private:
  // Of each layer: from the input, then from its own last state.
  void add_recurrent(const nn::Module& module, std::vector<Layer>& layers) const {
    const auto named = module.named_parameters();
    for (std::size_t k = 0; k < net_->shape.layers; ++k)
      for (const std::string side : {"ih", "hh"}) {
        const std::string end = side + "_l" + std::to_string(k);
        layers.push_back(layer_of(named["weight_" + end], named["bias_" + end]));
      }
  }

  static void add_attention(const ReaderImpl& reader, std::vector<Layer>& layers) {
    layers.push_back(layer_of(reader.embed->weight, reader.embed->bias));
    layers.push_back(layer_of(reader.place, torch::zeros({reader.place.size(0)})));
    for (const auto& block : reader.blocks) {
      layers.push_back(layer_of(block->before->weight, block->before->bias));
      layers.push_back(layer_of(block->project->weight, block->project->bias));
      layers.push_back(layer_of(block->join->weight, block->join->bias));
      layers.push_back(layer_of(block->between->weight, block->between->bias));
      layers.push_back(layer_of(block->widen->weight, block->widen->bias));
      layers.push_back(layer_of(block->narrow->weight, block->narrow->bias));
    }
    layers.push_back(layer_of(reader.last->weight, reader.last->bias));
  }

  Fused net_;
};

}  // namespace

std::unique_ptr<TorchNet> sequence_net(const NetworkShape& shape, double dropout,
                                       std::size_t outputs) {
  return std::make_unique<SequenceNet>(shape, dropout, outputs);
}

}  // namespace cangong
