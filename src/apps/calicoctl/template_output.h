// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/calicoctl/get_output.h"

namespace calico::calicoctl {

// go-template and go-template-file: the data is a list of results, as upstream's is: of one List whose .Items
// are the objects, or of single objects.
Result<std::unique_ptr<Printer>> MakeTemplatePrinter(const Shown& shown, std::ostream& out);

}  // namespace calico::calicoctl
