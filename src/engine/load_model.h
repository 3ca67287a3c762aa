// An approved bundle as a model that answers.
#pragma once

#include "engine/hospital.h"

namespace cangong {

// Of the folder `models`, among those of its kind. Throws where the bundle is damaged or of no kind
// that is served.
void load_model(const fs::path& models, const Approval& approval, Hospital::Models& into);

}  // namespace cangong
