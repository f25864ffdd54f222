-- SPDX-License-Identifier: MIT
-- Lua at work: tables and strings, coroutines, files, processes.
local function squares(n)
	return coroutine.wrap(function()
		for i = 1, n do coroutine.yield(i * i) end
	end)
end
local sum = 0
for value in squares(100) do sum = sum + value end
assert(sum == 338350)

local name = os.tmpname()
local file = assert(io.open(name, "w"))
for i = 1, 1000 do file:write(i, "\n") end
file:close()
local count, total = 0, 0
for line in io.lines(name) do count, total = count + 1, total + tonumber(line) end
assert(count == 1000 and total == 500500)
file = assert(io.open(name, "r+"))
assert(file:seek("end") == 3893 and file:seek("set", 2) == 2 and file:read("n") == 2)
file:close()
assert(os.rename(name, name .. ".other") and not io.open(name) and os.remove(name .. ".other"))

local pipe = assert(io.popen("echo from a shell; exit 3"))
assert(pipe:read("a") == "from a shell\n")
local _, how, status = pipe:close()
assert(how == "exit" and status == 3)
pipe = assert(io.popen("cat >/tmp/lua", "w"))
pipe:write("to a shell")
pipe:close()
assert(io.open("/tmp/lua"):read("a") == "to a shell")
assert(os.execute("kill -9 $$") == nil and os.getenv("HOME") and os.time() > 0)

local words = {}
for word in ("the quick brown fox"):gmatch("%a+") do words[#words + 1] = word:upper() end
table.sort(words)
assert(table.concat(words, " ") == "BROWN FOX QUICK THE" and not pcall(error, "x"))
collectgarbage()
print("lua: good")
