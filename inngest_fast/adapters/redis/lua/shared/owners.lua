local function is_of(owner, node) return string.sub(owner, 1, #node + 1) == node .. ' ' end
