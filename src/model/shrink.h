// Networks made smaller before they are deployed.
#pragma once

#include <string>
#include <vector>

#include "model/network.h"

namespace cangong {

struct ShrinkOptions {
  Precision precision = Precision::float32;
  double prune = 0;  // share of each matrix's weights, the smallest, that become 0
};

// "float32", "bf16" or "int8"; throws Fault::config for anything else.
Precision precision_named(const std::string& name);

// First the smallest weights of each matrix become 0 (magnitude pruning; vectors are left alone),
// then the others become what the precision can hold: bf16 is the upper half of a float32, rounded
// to the nearest, ties to even; int8 is -127 to 127 times a scale for each output. Biases stay.
void shrink(std::vector<Layer>& layers, const ShrinkOptions& options);

// As JSON; what is read again is the same to the bit. Weights of bf16 and int8 take two bytes and
// one.
std::string save_layers(const std::vector<Layer>& layers);
// Throws Fault::storage where bytes are missing.
std::vector<Layer> load_layers(const std::string& saved);

}  // namespace cangong
