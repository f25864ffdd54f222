# SPDX-License-Identifier: MIT
"""The programs' side: two functions for each operation, in a header for each interface: one traps, one prepares an entry
of a kernel ring, if it can be one."""

from generator.model import WORDS_MAX
from generator.text import c_call, comment, header
from generator.words import cost_text, range_suffix, subject_text, type_text


def emit_stubs(interface):
    has_bits = interface.service or any(operation.quick for operation in interface.operations)
    include = "#include <winkle/invoke.h>\n" + ("#include <winkle/message.h>\n" if has_bits else "") \
        + "#include <winkle/queue.h>\n"
    parts = [include]
    for operation in interface.operations:
        if not operation.message:
            parts += [stub(operation)] + ([prepare_stub(operation)] if not operation.trap_only else [])
    return header(f"Invocations of {interface.name}.", f"WINKLE_{interface.upper}_H", "\n".join(parts))


def parameter_type(word):
    if word.type == "enum":
        return f"enum wk_{word.target}"
    return {"handle": "wk_handle", "capability": "wk_handle", "status": "enum wk_status"}.get(word.type, "uint64_t")


def stub(operation):
    parameters = [f"wk_handle {operation.subject}"]
    parameters += [f"{parameter_type(word)} {word.name}" for word in operation.ins]
    parameters += [f"{parameter_type(word)} *out_{word.name}" for word in operation.outs]
    words = ", ".join(f"(uint64_t){word.name}" if word.type in ("enum", "status") else word.name
                      for word in operation.ins)
    prototype = c_call(f"static inline enum wk_status wk_{operation.c_name}", parameters, "")
    body = f"    uint64_t words[{WORDS_MAX}] = {{{words or 0}}};\n"
    if operation.interface.service:
        return f"{stub_comment(operation)}{prototype}\n{{\n{body}{service_call(operation)}}}\n"
    number = operation.number_name + (" | WK_MESSAGE_QUICK" if operation.quick else "")
    call = f"wk_trap({number}, {operation.subject}, words)"
    if not operation.outs:
        return f"{stub_comment(operation)}{prototype}\n{{\n{body}    return {call};\n}}\n"
    stores = ""
    for number, word in enumerate(operation.outs):
        cast = f"({parameter_type(word)})" if word.type in ("enum", "status") else ""
        stores += f"        *out_{word.name} = {cast}words[{number}];\n"
    return (f"{stub_comment(operation)}{prototype}\n{{\n{body}    enum wk_status answer = {call};\n"
            f"    if (answer == WK_OK) {{\n{stores}    }}\n    return answer;\n}}\n")


def prepare_stub(operation):
    """The same as an entry of a ring. A service gets all six words, so those that are not used are 0."""
    name = c_call(f"static inline bool wk_{operation.c_name}_prepare",
                  ["struct wk_queue *queue", "uint32_t entry_tag", f"wk_handle {operation.subject}"]
                  + [f"{parameter_type(word)} {word.name}" for word in operation.ins], "")
    is_service = operation.interface.service
    bits = message_bits(operation, "operation") if is_service else ""
    body = "    uint64_t *words;\n" + (f"    uint64_t operation = 0;\n{bits}" if bits else "")
    body += "\n    if (!wk_queue_has_room(queue))\n        return false;\n    words = wk_queue_next(queue);\n"
    body += f"    words[0] = WK_RING_ENTRY({operation.number_name}, 0, {operation.subject});\n"
    body += f"    words[1] = {'WK_RING_ENTRY_TAG(entry_tag, operation)' if bits else 'entry_tag'};\n"
    for number, word in enumerate(operation.ins):
        body += f"    words[{number + 2}] = {word.name};\n"
    for number in range(len(operation.ins), WORDS_MAX if is_service else 0):
        body += f"    words[{number + 2}] = 0;\n"
    about = comment(f"The same as an entry of a ring; the results are {result_list(operation)} in its completion." if operation.outs
                    else "The same as an entry of a ring.", "@entry_tag: what its completion has",
                    "@return false: the queue is full, nothing is prepared")
    return f"{about}{name}\n{{\n{body}    return true;\n}}\n"


def result_list(operation):
    """Which words of a completion they are."""
    return ", ".join(f"{word.name} (words[{number}])" for number, word in enumerate(operation.outs))


def message_bits(operation, target):
    """Statements that mark what travels with a call, and say that capabilities may come back."""
    text = ""
    if any(word.type == "handle" for word in operation.outs):
        text += f"    {target} |= WK_MESSAGE_ACCEPT(0xffff);\n"
    for number, word in enumerate(operation.ins):
        if word.type != "capability":
            continue
        bits = f"WK_MESSAGE_CAPABILITY({number})" + (f" | WK_MESSAGE_GIVE({number})" if word.give else "")
        text += f"    {target} |= {word.name} == 0 ? 0 : {bits};\n" if word.optional else f"    {target} |= {bits};\n"
    return text


def service_call(operation):
    """A call says which words are capabilities; of an answer's words, those are handles that came as capabilities: a
    server can't pass a number off as one."""
    text = f"    uint64_t operation = {operation.number_name};\n" + message_bits(operation, "operation")
    text += f"    uint64_t answer = wk_trap(operation, {operation.subject}, words);\n"
    stores = result_stores(operation, "words", "answer")
    if stores:
        text += f"    if (WK_RECEIVED_STATUS(answer) == WK_OK) {{\n{stores}    }}\n"
    return text + "    return (enum wk_status)WK_RECEIVED_STATUS(answer);\n"


def result_stores(operation, words, answer):
    """Statements that store a service's results."""
    text = ""
    for number, word in enumerate(operation.outs):
        value = f"{words}[{number}]"
        if word.type == "handle":
            value = f"WK_RECEIVED_CAPABILITIES({answer}) >> {number} & 1 ? {value} : 0"
        cast = f"({parameter_type(word)})" if word.type in ("enum", "status") else ""
        text += f"        *out_{word.name} = {cast}{value};\n"
    return text


def stub_comment(operation, subject=""):
    paragraphs = [operation.about, subject or f"@{operation.subject}: {subject_text(operation)}"]
    for prefix, words in (("", operation.ins), ("out_", operation.outs)):
        paragraphs += [f"@{prefix}{word.name}: {type_text(word)}{range_suffix(word)}. {word.about}" for word in words]
    paragraphs += [f"@return WK_{error.upper}: {error.about}" for error in operation.errors]
    return comment(*paragraphs, f"Blocks {operation.blocks}. {cost_text(operation)}")
