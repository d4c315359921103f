/** The front page needs no script beyond its style: times are the interviews' own, and it says their zone. */
import "../look/look.css";
import "./front.css";
