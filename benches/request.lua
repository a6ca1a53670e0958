-- What does wrk send? `-- METHOD CONTENT-TYPE BODY` after the address; without them a plain GET.

function init(arguments)
    if #arguments > 0 then
        wrk.method = arguments[1]
        wrk.headers["Content-Type"] = arguments[2]
        wrk.body = arguments[3]
    end
end
