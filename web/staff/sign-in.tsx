import { useEffect, useState } from "preact/hooks";
import { Button, Notice } from "../look/parts.tsx";
import { useWords } from "../words/context.tsx";
import { staffWords } from "../words/staff.ts";
import { ask, takeSecret } from "./api.ts";
import { StaffFrame, showPage } from "./frame.tsx";
import { problemSentence } from "./problem.ts";
import "./staff.css";

/** `/sign-in#<secret>`. A press spends the link, not the visit: mail programs and chats open links to look at them. */
const token = takeSecret();

showPage((switchLanguage) => <SignIn switchLanguage={switchLanguage} />);

type State =
	| { readonly state: "ready" | "busy" | "no_link" | "spent" }
	| { readonly state: "failed"; readonly sentence: string };

function SignIn({ switchLanguage }: { switchLanguage: () => void }) {
	const say = useWords(staffWords);
	const [state, setState] = useState<State>({ state: token ? "ready" : "no_link" });
	useEffect(() => {
		document.title = `${say("sign_in_title")} · Rostra`;
	}, [say]);
	const signIn = async () => {
		setState({ state: "busy" });
		const answer = await ask("POST", "/sign-in", { token });
		if (answer.ok) return window.location.replace("/");
		const spent = answer.status === 401 || answer.status === 410 || answer.status === 404;
		setState(
			spent ? { state: "spent" } : { state: "failed", sentence: problemSentence(say, answer.status, answer.problem) },
		);
	};
	return (
		<StaffFrame switchLanguage={switchLanguage}>
			<section class="narrow">
				<h1>{say("sign_in_title")}</h1>
				{(state.state === "no_link" || state.state === "spent") && (
					<Notice tone={state.state === "spent" ? "problem" : "info"} urgent={state.state === "spent"}>
						{say(state.state === "spent" ? "sign_in_used" : "sign_in_no_link")}{" "}
						<code>npm run -s rostra -- sign-in</code>
					</Notice>
				)}
				{state.state === "failed" && (
					<Notice tone="problem" urgent>
						{state.sentence}
					</Notice>
				)}
				{(state.state === "ready" || state.state === "busy" || state.state === "failed") && (
					<>
						<p>{say("sign_in_ask")}</p>
						<div class="actions">
							<Button kind="act" size="large" disabled={state.state === "busy"} onClick={() => void signIn()}>
								{say("sign_in_now")}
							</Button>
						</div>
					</>
				)}
			</section>
		</StaffFrame>
	);
}
