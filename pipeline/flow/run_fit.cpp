#include "pipeline/flow/run_fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "host/limits.h"
#include "host/process/cpu_count.h"

namespace forebay {
namespace {

std::uint64_t processes_of(const RunShape& shape) {
  return (shape.inline_worker ? 0 : shape.workers) + (shape.owner ? 1 : 0);
}

bool all_fit(const std::vector<ResourceNeed>& needs) {
  return std::all_of(needs.begin(), needs.end(), [](const ResourceNeed& need) { return need.fits(); });
}

bool fits(const std::vector<ResourceNeed>& needs, std::string_view name) {
  return std::all_of(needs.begin(), needs.end(),
                     [&](const ResourceNeed& need) { return need.name != name || need.fits(); });
}

ResourceNeed memory_need(const RunShape& shape, const Machine& machine) {
  const std::uint64_t processes = processes_of(shape) + 1;
  const bool cuda = shape.device.kind == DeviceKind::cuda;
  const std::uint64_t strips = shape.arena_bytes - shape.buffer_bytes;
  const std::uint64_t own = processes * limits::process_bytes + (cuda ? limits::cuda_context_bytes : 0);
  ResourceNeed need{"memory", ErrorCode::no_memory, true};
  need.need = shape.arena_bytes + own;
  need.there = machine.memory.available_bytes;
  need.limit = machine.memory.limit;
  need.what = fmt::format("{} of {} x {}, {} of batches, about {} of {}{}", amount_text(strips, true),
                          counted(shape.workers, "worker"), counted(shape.slots_per_worker, "slot"),
                          amount_text(shape.buffer_bytes, true), amount_text(own, true),
                          counted(processes, "process"), cuda ? " and the device's driver" : "");
  return need;
}

std::uint64_t fixed_descriptors(const RunShape& shape, const Machine& machine) {
  // A worker: strip, channel, pidfd. An owner: channel, pidfd, and the result slots.
  constexpr std::uint64_t of_worker = 3;
  return std::max(machine.descriptors_open, limits::own_descriptors) + of_worker * shape.workers +
         (shape.owner ? 2 + shape.results : 0);
}

ResourceNeed descriptor_need(const RunShape& shape, const Machine& machine) {
  ResourceNeed need{"descriptors", ErrorCode::environment, false};
  need.need = fixed_descriptors(shape, machine) + (shape.files ? 1 : 0);
  need.there = machine.descriptors.most;
  need.limit = machine.descriptors.limit;
  need.what = fmt::format("three for each of {}{}, one picture at a time, the rest its own",
                          counted(shape.workers, "worker"), shape.owner ? ", those of the owner" : "");
  return need;
}

ResourceNeed task_need(const RunShape& shape, const Machine& machine) {
  const bool cuda = shape.device.kind == DeviceKind::cuda;
  const std::uint64_t of_owner = cuda ? limits::cuda_threads : shape.finish_threads;
  ResourceNeed need{"processes", ErrorCode::environment, false};
  need.need = std::max(machine.own_tasks, limits::own_tasks) + shape.workers +
              (shape.owner ? 1 + of_owner : shape.finish_threads - 1);
  need.there = machine.tasks.most;
  need.limit = machine.tasks.limit;
  need.what = fmt::format("{}{} and threads, which count as processes", counted(shape.workers, "worker"),
                          shape.owner ? ", an owner" : "");
  return need;
}

ResourceNeed address_need(const RunShape& shape, const Machine& machine) {
  ResourceNeed need{"address space", ErrorCode::no_memory, true};
  constexpr std::uint64_t stack_bytes = std::uint64_t{8} << 20U;  // Linux's default, of each further thread
  need.need = limits::own_address_bytes + shape.arena_bytes + stack_bytes * (shape.finish_threads - 1);
  need.there = machine.address_space.most;
  need.limit = machine.address_space.limit;
  need.what = "slots, batches, libraries and stacks of the coordinator";
  return need;
}

/// The kernel holds anonymous files to RLIMIT_FSIZE too.
ResourceNeed piece_need(const RunShape& shape, const Machine& machine) {
  ResourceNeed need{"shared memory", ErrorCode::environment, true};
  need.need = shape.strip_layout().bytes();
  if (shape.results > 0) need.need = std::max(need.need, shape.buffer_bytes / shape.results);
  need.there = machine.file_size.most;
  need.limit = machine.file_size.limit;
  need.what = "its largest piece, the slots of a worker or a batch of the owner";
  return need;
}

/// The same run, asked for with other numbers.
struct Variant {
  std::uint32_t workers;
  std::uint32_t slots;
  std::uint32_t batch;
};

RunShape shape_with(PipelineOptions options, const RunParts& parts, unsigned cores, const Variant& variant) {
  options.workers = variant.workers;
  options.slots = variant.slots;
  options.batch = variant.batch;
  return shape_of(options, parts.device, parts.files, parts.host_stages, parts.device_stages, cores);
}

/// Tries fewer workers and slots, down to the least of each, until `enough` says so: few slots rather than
/// few workers, for they cost less speed.
template <typename Enough>
std::optional<RunShape> smaller(const PipelineOptions& options, const RunParts& parts, const Machine& machine,
                                const Variant& from, const Variant& least, Enough enough) {
  for (std::uint32_t workers = from.workers;; --workers) {
    for (std::uint32_t slots = from.slots;; --slots) {
      RunShape shape = shape_with(options, parts, machine.cores, {workers, slots, from.batch});
      if (enough(needs_of(shape, machine))) return shape;
      if (slots <= least.slots) break;
      // What is far from enough is not approached one by one.
      if (slots > 2 * limits::slots_per_worker_min) slots = std::max(slots / 2, least.slots) + 1;
    }
    if (workers <= least.workers) return std::nullopt;
  }
}

std::string flags_of(const RunShape& asked, const RunShape& shape, std::uint32_t batch_asked,
                     std::uint32_t batch) {
  std::string flags;
  const auto add = [&flags](const char* name, std::uint32_t before, std::uint32_t now) {
    if (before != now) flags += fmt::format("{}{} {}", flags.empty() ? "" : " ", name, now);
  };
  if (!asked.inline_worker) add("--workers", asked.workers, shape.workers);
  add("--slots", asked.slots_per_worker, shape.slots_per_worker);
  add("--batch", batch_asked, batch);
  return flags;
}

/// The flags with which this resource suffices, as few changes as possible; empty where none do.
std::string flags_that_fit(const PipelineOptions& options, const RunParts& parts, const Machine& machine,
                           const RunShape& asked, std::string_view name) {
  const auto enough = [name](const std::vector<ResourceNeed>& needs) { return fits(needs, name); };
  for (std::uint32_t batch = options.batch;; batch = (batch + 1) / 2) {
    const Variant from{asked.workers, asked.slots_per_worker, batch};
    const Variant least{1, std::min(asked.slots_per_worker, limits::slots_per_worker_min), batch};
    if (const auto shape = smaller(options, parts, machine, from, least, enough)) {
      return flags_of(asked, *shape, options.batch, batch);
    }
    if (batch == 1) return {};
  }
}

std::string remedy_of(const ResourceNeed& need, const std::string& flags) {
  const std::string use = flags.empty() ? "" : "use " + flags + ", or ";
  const std::string amount = amount_text(need.need, need.bytes);
  if (need.name == "descriptors") {
    return fmt::format("{}raise the hard limit to {} (ulimit -Hn, LimitNOFILE= of a service)", use, amount);
  }
  if (need.name == "processes") return fmt::format("{}raise the limit by {}", use, need.need - need.there);
  if (need.name == "address space" || need.name == "shared memory")
    return fmt::format("{}raise the limit to {}", use, amount);
  const bool own = need.limit.starts_with("--memory-mb");
  if (flags.empty() && !own) return "lower --crop or --slot-mb, or free memory: it needs " + amount;
  if (own) return fmt::format("{}raise it to {}", use, (need.need + (1U << 20U) - 1) >> 20U);
  return use + "free memory";
}

}  // namespace

Machine Machine::read(const std::string& root) {
  Machine machine;
  machine.memory = MemoryBudget::read(root);
  machine.descriptors = descriptors_allowed();
  machine.descriptors_open = forebay::descriptors_open();
  machine.tasks = tasks_allowed(root);
  machine.own_tasks = forebay::own_tasks(root);
  machine.address_space = address_space_allowed();
  machine.file_size = file_size_allowed();
  machine.cores = usable_cores(root);
  return machine;
}

std::vector<ResourceNeed> needs_of(const RunShape& shape, const Machine& machine) {
  return {memory_need(shape, machine), descriptor_need(shape, machine), task_need(shape, machine),
          address_need(shape, machine), piece_need(shape, machine)};
}

std::uint64_t descriptors_wanted(const RunShape& shape, const Machine& machine) {
  // The files of a chunk are opened together; those on their way count against the limit of their sender too.
  const std::uint64_t files = shape.files ? shape.chunk_items : 0;
  return fixed_descriptors(shape, machine) + files + files * shape.workers * limits::worker_credits;
}

RunFit fit_run(const PipelineOptions& options, const RunParts& parts, const Machine& measured) {
  Machine machine = measured;
  if (options.memory_bytes) {
    machine.memory.lower(*options.memory_bytes, fmt::format("--memory-mb {}", *options.memory_bytes >> 20U));
  }
  RunFit fit;
  fit.shape =
      shape_of(options, parts.device, parts.files, parts.host_stages, parts.device_stages, machine.cores);
  fit.needs = needs_of(fit.shape, machine);
  if (all_fit(fit.needs)) return fit;
  const Variant from{fit.shape.workers, fit.shape.slots_per_worker, options.batch};
  const Variant least{options.workers ? from.workers : 1,
                      options.slots ? from.slots : std::min(from.slots, limits::slots_per_worker_min),
                      options.batch};
  if (!fit.shape.inline_worker) {
    if (const auto shape = smaller(options, parts, machine, from, least, all_fit)) {
      const auto lacking = std::find_if(fit.needs.begin(), fit.needs.end(),
                                        [](const ResourceNeed& need) { return !need.fits(); });
      fit.note =
          fmt::format("{} with {} slots each instead of {} with {}: {} leaves {} of {}",
                      counted(shape->workers, "worker"), shape->slots_per_worker, from.workers, from.slots,
                      lacking->limit, amount_text(lacking->there, lacking->bytes), lacking->name);
      fit.shape = *shape;
      fit.needs = needs_of(fit.shape, machine);
      return fit;
    }
  }
  for (ResourceNeed& need : fit.needs) {
    if (need.fits()) continue;
    need.remedy = remedy_of(need, flags_that_fit(options, parts, machine, fit.shape, need.name));
  }
  return fit;
}

}  // namespace forebay
