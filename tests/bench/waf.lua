-- The kind of filter that backstop replaces, as the contestant "lua": ten families of Lua patterns over the path with its
-- query, the User-Agent and the Referer, after one pass of URL decoding; an origin secret, excluded paths, allowed
-- addresses, and counters for each address and path. Its weak points are that kind's own, and are left in.

local config = {
  mode = "block",
  status = 403,
  exclude_paths = { "/health", "/ready", "/metrics", "/.well-known/" },
  allowed_exact = { ["198.51.100.10"] = true, ["198.51.100.11"] = true },
  allowed_prefixes = { "10.20.", "192.168.7." },
  origin = { header = "x-origin-verify", value = "secret-of-the-edge", exclude_paths = { "/health" } },
  limits = {
    { name = "tickets", route = "/tickets", max = 1000000 },
    { name = "auth", route = "/auth/", max = 1000000 },
    { name = "default", route = "/", max = 1000000 },
  },
  sweep_s = 60,
}

local categories = {
  { name = "sqli", enabled = true, rules = {
    { name = "union-select", pattern = "[Uu][Nn][Ii][Oo][Nn]%s+[Ss][Ee][Ll][Ee][Cc][Tt]", description = "UNION SELECT" },
    { name = "union-all", pattern = "[Uu][Nn][Ii][Oo][Nn]%s+[Aa][Ll][Ll]%s+[Ss][Ee][Ll][Ee][Cc][Tt]", description = "UNION ALL SELECT" },
    { name = "select-from", pattern = "[Ss][Ee][Ll][Ee][Cc][Tt]%s+.+%s+[Ff][Rr][Oo][Mm]%s+", description = "SELECT ... FROM" },
    { name = "insert-into", pattern = "[Ii][Nn][Ss][Ee][Rr][Tt]%s+[Ii][Nn][Tt][Oo]%s+", description = "INSERT INTO" },
    { name = "delete-from", pattern = "[Dd][Ee][Ll][Ee][Tt][Ee]%s+[Ff][Rr][Oo][Mm]%s+", description = "DELETE FROM" },
    { name = "drop", pattern = "[Dd][Rr][Oo][Pp]%s+[Tt][Aa][Bb][Ll][Ee]", description = "DROP TABLE" },
    { name = "or-equal", pattern = "'%s*[Oo][Rr]%s+['%d].-=", description = "' OR 1=1" },
    { name = "and-equal", pattern = "'%s*[Aa][Nn][Dd]%s+['%d].-=", description = "' AND 1=1" },
    { name = "comment", pattern = "'%s*%-%-", description = "quote and comment" },
    { name = "sleep", pattern = "[Ss][Ll][Ee][Ee][Pp]%s*%(%s*%d", description = "SLEEP(n)" },
    { name = "benchmark", pattern = "[Bb][Ee][Nn][Cc][Hh][Mm][Aa][Rr][Kk]%s*%(", description = "BENCHMARK(" },
    { name = "waitfor", pattern = "[Ww][Aa][Ii][Tt][Ff][Oo][Rr]%s+[Dd][Ee][Ll][Aa][Yy]", description = "WAITFOR DELAY" },
    { name = "schema", pattern = "[Ii][Nn][Ff][Oo][Rr][Mm][Aa][Tt][Ii][Oo][Nn]_[Ss][Cc][Hh][Ee][Mm][Aa]", description = "information_schema" },
    { name = "stacked", pattern = "['\"]%s*;", description = "stacked query" },
  } },
  { name = "xss", enabled = true, rules = {
    { name = "script", pattern = "<%s*[Ss][Cc][Rr][Ii][Pp][Tt]", description = "<script" },
    { name = "end-script", pattern = "</%s*[Ss][Cc][Rr][Ii][Pp][Tt]", description = "</script" },
    { name = "javascript", pattern = "[Jj][Aa][Vv][Aa][Ss][Cc][Rr][Ii][Pp][Tt]%s*:", description = "javascript:" },
    { name = "vbscript", pattern = "[Vv][Bb][Ss][Cc][Rr][Ii][Pp][Tt]%s*:", description = "vbscript:" },
    { name = "onerror", pattern = "[Oo][Nn][Ee][Rr][Rr][Oo][Rr]%s*=", description = "onerror=" },
    { name = "onload", pattern = "[Oo][Nn][Ll][Oo][Aa][Dd]%s*=", description = "onload=" },
    { name = "onclick", pattern = "[Oo][Nn][Cc][Ll][Ii][Cc][Kk]%s*=", description = "onclick=" },
    { name = "onmouse", pattern = "[Oo][Nn][Mm][Oo][Uu][Ss][Ee]%a+%s*=", description = "onmouse...=" },
    { name = "iframe", pattern = "<%s*[Ii][Ff][Rr][Aa][Mm][Ee]", description = "<iframe" },
    { name = "object", pattern = "<%s*[Oo][Bb][Jj][Ee][Cc][Tt]", description = "<object" },
    { name = "svg", pattern = "<%s*[Ss][Vv][Gg]", description = "<svg" },
    { name = "cookie", pattern = "[Dd][Oo][Cc][Uu][Mm][Ee][Nn][Tt]%.[Cc][Oo][Oo][Kk][Ii][Ee]", description = "document.cookie" },
    { name = "alert", pattern = "[Aa][Ll][Ee][Rr][Tt]%s*%(", description = "alert(" },
  } },
  { name = "path-traversal", enabled = true, rules = {
    { name = "dots", pattern = "%.%./", description = "../" },
    { name = "dots-backslash", pattern = "%.%.\\", description = "..\\" },
    { name = "encoded", pattern = "%%2[Ee]%%2[Ee]", description = "%2e%2e" },
    { name = "passwd", pattern = "/[Ee][Tt][Cc]/[Pp][Aa][Ss][Ss][Ww][Dd]", description = "/etc/passwd" },
    { name = "shadow", pattern = "/[Ee][Tt][Cc]/[Ss][Hh][Aa][Dd][Oo][Ww]", description = "/etc/shadow" },
    { name = "proc", pattern = "/[Pp][Rr][Oo][Cc]/[Ss][Ee][Ll][Ff]", description = "/proc/self" },
    { name = "windows", pattern = "[Ww][Ii][Nn][Dd][Oo][Ww][Ss][/\\][Ss][Yy][Ss][Tt][Ee][Mm]32", description = "windows/system32" },
    { name = "null", pattern = "%%00", description = "null byte" },
  } },
  { name = "command-injection", enabled = true, rules = {
    { name = "semicolon", pattern = ";%s*[Cc][Aa][Tt]%s+", description = "; cat" },
    { name = "pipe", pattern = "|%s*[Cc][Aa][Tt]%s+", description = "| cat" },
    { name = "list", pattern = "[;|&]%s*[Ll][Ss]%s", description = "; ls" },
    { name = "id", pattern = "[;|&]%s*[Ii][Dd]%s*$", description = "; id" },
    { name = "whoami", pattern = "[Ww][Hh][Oo][Aa][Mm][Ii]", description = "whoami" },
    { name = "wget", pattern = "[;|&]%s*[Ww][Gg][Ee][Tt]%s+", description = "; wget" },
    { name = "curl", pattern = "[;|&]%s*[Cc][Uu][Rr][Ll]%s+", description = "; curl" },
    { name = "netcat", pattern = "[;|&]%s*[Nn][Cc]%s+%-", description = "; nc -" },
    { name = "shell", pattern = "/[Bb][Ii][Nn]/[Bb]?[Aa]?[Ss][Hh]", description = "/bin/sh" },
    { name = "substitution", pattern = "%$%(.-%)", description = "$(...)" },
    { name = "backtick", pattern = "`.-`", description = "`...`" },
  } },
  { name = "ldap-injection", enabled = true, rules = {
    { name = "filter", pattern = "%*%)%(", description = "*)(" },
    { name = "and", pattern = "%(&%(", description = "(&(" },
    { name = "or", pattern = "%(|%(", description = "(|(" },
    { name = "uid", pattern = "%([Uu][Ii][Dd]=%*", description = "(uid=*" },
    { name = "cn", pattern = "%([Cc][Nn]=%*", description = "(cn=*" },
    { name = "object", pattern = "[Oo][Bb][Jj][Ee][Cc][Tt][Cc][Ll][Aa][Ss][Ss]=", description = "objectclass=" },
  } },
  { name = "xxe", enabled = true, rules = {
    { name = "doctype", pattern = "<!%s*[Dd][Oo][Cc][Tt][Yy][Pp][Ee]", description = "<!DOCTYPE" },
    { name = "entity", pattern = "<!%s*[Ee][Nn][Tt][Ii][Tt][Yy]", description = "<!ENTITY" },
    { name = "system", pattern = "[Ss][Yy][Ss][Tt][Ee][Mm]%s+[\"']file:", description = "SYSTEM file:" },
    { name = "cdata", pattern = "<!%[[Cc][Dd][Aa][Tt][Aa]%[", description = "<![CDATA[" },
  } },
  { name = "ssrf", enabled = true, rules = {
    { name = "metadata", pattern = "169%.254%.169%.254", description = "metadata address" },
    { name = "google", pattern = "[Mm][Ee][Tt][Aa][Dd][Aa][Tt][Aa]%.[Gg][Oo][Oo][Gg][Ll][Ee]", description = "metadata.google" },
    { name = "localhost", pattern = "[Hh][Tt][Tt][Pp][Ss]?://[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]", description = "http://localhost" },
    { name = "loopback", pattern = "[Hh][Tt][Tt][Pp][Ss]?://127%.", description = "http://127." },
    { name = "private-10", pattern = "[Hh][Tt][Tt][Pp][Ss]?://10%.", description = "http://10." },
    { name = "private-192", pattern = "[Hh][Tt][Tt][Pp][Ss]?://192%.168%.", description = "http://192.168." },
    { name = "gopher", pattern = "[Gg][Oo][Pp][Hh][Ee][Rr]://", description = "gopher://" },
    { name = "file", pattern = "[Ff][Ii][Ll][Ee]:///", description = "file:///" },
  } },
  { name = "log4shell", enabled = true, rules = {
    { name = "jndi", pattern = "%$%{%s*[Jj][Nn][Dd][Ii]", description = "${jndi" },
    { name = "lower", pattern = "%$%{%s*[Ll][Oo][Ww][Ee][Rr]:", description = "${lower:" },
    { name = "upper", pattern = "%$%{%s*[Uu][Pp][Pp][Ee][Rr]:", description = "${upper:" },
    { name = "empty", pattern = "%$%{::%-", description = "${::-" },
    { name = "env", pattern = "%$%{%s*[Ee][Nn][Vv]:", description = "${env:" },
  } },
  { name = "header-injection", enabled = true, rules = {
    { name = "crlf", pattern = "\r\n", description = "CRLF" },
    { name = "encoded", pattern = "%%0[Dd]%%0[Aa]", description = "%0d%0a" },
    { name = "set-cookie", pattern = "[\r\n][Ss][Ee][Tt]%-[Cc][Oo][Oo][Kk][Ii][Ee]:", description = "Set-Cookie:" },
    { name = "location", pattern = "[\r\n][Ll][Oo][Cc][Aa][Tt][Ii][Oo][Nn]:", description = "Location:" },
  } },
  { name = "bot-scanner", enabled = true, rules = {
    { name = "sqlmap", pattern = "[Ss][Qq][Ll][Mm][Aa][Pp]", description = "sqlmap" },
    { name = "nikto", pattern = "[Nn][Ii][Kk][Tt][Oo]", description = "nikto" },
    { name = "nmap", pattern = "[Nn][Mm][Aa][Pp]", description = "nmap" },
    { name = "masscan", pattern = "[Mm][Aa][Ss][Ss][Cc][Aa][Nn]", description = "masscan" },
    { name = "nessus", pattern = "[Nn][Ee][Ss][Ss][Uu][Ss]", description = "nessus" },
    { name = "acunetix", pattern = "[Aa][Cc][Uu][Nn][Ee][Tt][Ii][Xx]", description = "acunetix" },
    { name = "dirbuster", pattern = "[Dd][Ii][Rr][Bb][Uu][Ss][Tt][Ee][Rr]", description = "dirbuster" },
    { name = "gobuster", pattern = "[Gg][Oo][Bb][Uu][Ss][Tt][Ee][Rr]", description = "gobuster" },
    { name = "wpscan", pattern = "[Ww][Pp][Ss][Cc][Aa][Nn]", description = "wpscan" },
    { name = "nuclei", pattern = "[Nn][Uu][Cc][Ll][Ee][Ii]", description = "nuclei" },
    { name = "havij", pattern = "[Hh][Aa][Vv][Ii][Jj]", description = "havij" },
  } },
}

local counters = {}
local last_sweep = 0

local function decode(text)
  text = string.gsub(text, "+", " ")
  return (string.gsub(text, "%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function is_excluded(path, list)
  for _, excluded in ipairs(list) do
    if string.find(path, excluded, 1, true) then return true end
  end
  return false
end

local function client_of(headers)
  local forwarded = headers:get("x-forwarded-for")
  if not forwarded then return "unknown" end
  return string.match(forwarded, "^%s*([^,%s]+)") or "unknown"
end

local function is_allowed(client)
  if config.allowed_exact[client] then return true end
  for _, prefix in ipairs(config.allowed_prefixes) do
    if string.sub(client, 1, #prefix) == prefix then return true end
  end
  return false
end

local function inspect(value)
  for _, category in ipairs(categories) do
    if category.enabled then
      for _, rule in ipairs(category.rules) do
        if string.find(value, rule.pattern) then return category.name, rule end
      end
    end
  end
  return nil
end

local function take(key, max, now)
  local counter = counters[key]
  if not counter or now - counter.start >= 1 then
    counter = { start = now, count = 0 }
    counters[key] = counter
  end
  counter.count = counter.count + 1
  return counter.count <= max, max - counter.count
end

local function sweep(now)
  if now - last_sweep < config.sweep_s then return end
  last_sweep = now
  for key, counter in pairs(counters) do
    if now - counter.start >= config.sweep_s then counters[key] = nil end
  end
end

local function escape(text)
  return (string.gsub(text, '["\\%c]', function(c) return string.format("\\u%04x", string.byte(c)) end))
end

local function refuse(handle, client, path, category, rule, value)
  handle:logWarn(string.format(
    '{"event":"waf","mode":"%s","category":"%s","rule":"%s","description":"%s","client":"%s","path":"%s","value":"%s"}',
    config.mode, category, rule.name, escape(rule.description), escape(client), escape(path), escape(string.sub(value, 1, 200))
  ))
  if config.mode == "block" then
    handle:respond(
      { [":status"] = tostring(config.status), ["content-type"] = "application/json" },
      '{"error":"forbidden","message":"request blocked by security policy"}'
    )
    return true
  end
  return false
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path") or "/"
  local client = client_of(headers)

  if not is_excluded(path, config.origin.exclude_paths) then
    if headers:get(config.origin.header) ~= config.origin.value then
      handle:logWarn('{"event":"origin-verify","client":"' .. client .. '"}')
      handle:respond({ [":status"] = "403" }, "forbidden")
      return
    end
    headers:remove(config.origin.header)
  end

  if is_excluded(path, config.exclude_paths) or is_allowed(client) then return end

  local now = os.time()
  sweep(now)
  for _, limit in ipairs(config.limits) do
    if string.find(path, limit.route, 1, true) then
      local allowed, remaining = take(client .. ":" .. path, limit.max, now)
      if not allowed then
        handle:respond({
          [":status"] = "429",
          ["retry-after"] = "60",
          ["x-ratelimit-limit"] = tostring(limit.max),
          ["x-ratelimit-remaining"] = tostring(math.max(remaining, 0)),
        }, "too many requests")
        return
      end
      break
    end
  end

  for _, raw in ipairs({ path, headers:get("user-agent") or "", headers:get("referer") or "" }) do
    local value = decode(raw)
    local category, rule = inspect(value)
    if category and refuse(handle, client, path, category, rule, value) then return end
  end
end
