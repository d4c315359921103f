# Varnish before Rostra: a cache for everything but sound as it is made. Varnish 6 or 7.
#
#   Rostra:  npm start -- --public-url https://talk.example --public-proxy x-forwarded-for
#   Varnish: varnishd -a :80 -a 127.0.0.1:8443,PROXY -f /etc/varnish/rostra.vcl -s malloc,1g
#
# Varnish has no TLS: something like HAProxy or hitch stands before it and speaks PROXY to the second address. HTTP/2
# stays off (no -p feature=+http2).

vcl 4.1;

backend rostra {
	.host = "127.0.0.1";
	.port = "8080";
	.connect_timeout = 2s;
	# A playlist that is asked for ahead of time is answered when it is there.
	.first_byte_timeout = 15s;
	.between_bytes_timeout = 10s;
}

sub vcl_recv {
	if (req.method != "GET" && req.method != "HEAD") {
		return (pass);
	}
	# Sound as it is made never ends: it goes through, and nothing of it is kept.
	if (req.url ~ "^/i/[^/?]+/live\.(mp4|ogg|aac|mp3)(\?|$)") {
		return (pipe);
	}
	# Large and asked for in pieces; of one person each.
	if (req.url ~ "^/i/[^/?]+/recording\." || req.url ~ "^/(api/|m/|i/[^/?]+/(token|heard)(\?|$))") {
		return (pass);
	}

	# An object's name: the path as it was sent, and of the query only what changes an answer. Nothing else is passed
	# on, so that nobody can put another answer under a name.
	unset req.http.X-Rostra-Query;
	if (req.url ~ "[?&]_HLS_msn=") {
		set req.http.X-Rostra-Query = "&" + regsub(req.url, "^.*?[?&](_HLS_msn=[^&]*).*$", "\1");
	}
	if (req.url ~ "[?&]_HLS_part=") {
		set req.http.X-Rostra-Query = req.http.X-Rostra-Query + "&" + regsub(req.url, "^.*?[?&](_HLS_part=[^&]*).*$", "\1");
	}
	if (req.url ~ "[?&]_HLS_skip=") {
		set req.http.X-Rostra-Query = req.http.X-Rostra-Query + "&" + regsub(req.url, "^.*?[?&](_HLS_skip=[^&]*).*$", "\1");
	}
	if (req.url ~ "[?&]lang=") {
		set req.http.X-Rostra-Query = req.http.X-Rostra-Query + "&" + regsub(req.url, "^.*?[?&](lang=[^&]*).*$", "\1");
	}
	set req.url = regsub(req.url, "\?.*$", "");
	if (req.http.X-Rostra-Query) {
		set req.url = req.url + "?" + regsub(req.http.X-Rostra-Query, "^&", "");
		unset req.http.X-Rostra-Query;
	}

	# The same for everybody; as few variants are kept as there are answers.
	unset req.http.Cookie;
	unset req.http.Forwarded;
	if (req.http.Accept-Language ~ "(?i)^de") {
		set req.http.Accept-Language = "de";
	} else {
		set req.http.Accept-Language = "en";
	}
	return (hash);
}

sub vcl_pipe {
	# One stream to a connection: what came after it would not be looked at.
	set bereq.http.Connection = "close";
}

sub vcl_hash {
	hash_data(req.url);
	return (lookup);
}

sub vcl_backend_response {
	# Nothing is older than it says: a crowd waits for the new one, for which Rostra is asked once.
	set beresp.grace = 0s;
}
