// @ts-check
// Looks for new texts every two seconds while the page is visible, without touching a half-typed answer.
setInterval(async () => {
  if (document.hidden) return;
  const talk = document.getElementById("talk");
  try {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    const fresh = page.getElementById("talk");
    if (talk && fresh && fresh.innerHTML !== talk.innerHTML) talk.innerHTML = fresh.innerHTML;
  } catch { /* the stand-in is restarting; look again later */ }
}, 2000);
