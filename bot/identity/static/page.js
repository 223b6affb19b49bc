// Tells Teams how the sign-in ended. In a browser outside Teams nobody listens, and the page itself says what to do.
"use strict";

const { result, failure } = document.querySelector("main").dataset;
if (result || failure) {
  microsoftTeams.app.initialize().then(
    () =>
      result
        ? microsoftTeams.authentication.notifySuccess(result)
        : microsoftTeams.authentication.notifyFailure(failure),
    () => {},
  );
}
