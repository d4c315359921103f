import { StaffFrame, showPage } from "../staff/frame.tsx";

showPage((switchLanguage) => (
	<StaffFrame signedIn switchLanguage={switchLanguage}>
		…
	</StaffFrame>
));
