#pragma once

namespace forebay {

/// The first statement of main(). In a process that Forebay spawned it runs the child's role and never
/// returns: C++'s `if __name__ == "__main__"`. In any other process it remembers that the guard is in place
/// and returns at once. Call it before threads are started. Static initialisers of the program run before it,
/// in children too.
void init(int argc, char** argv);

/// True once init() has been called in this process (spawn refuses to start a child otherwise: no fork bomb).
[[nodiscard]] bool initialised() noexcept;

}  // namespace forebay
