(function () {
  "use strict";
  function release() {
    document.querySelectorAll("form").forEach(function (form) {
      delete form.dataset.sent;
    });
    document.querySelectorAll("[aria-busy]").forEach(function (button) {
      button.removeAttribute("aria-busy");
    });
  }
  document.querySelectorAll("[data-shows]").forEach(function (box) {
    var field = document.getElementById(box.dataset.shows);
    box.parentElement.hidden = false;
    box.checked = false;
    box.addEventListener("change", function () {
      field.type = box.checked ? "text" : "password";
    });
  });
  document.querySelectorAll("form").forEach(function (form) {
    form.addEventListener("submit", function (event) {
      document.querySelectorAll("[data-shows]").forEach(function (box) {
        document.getElementById(box.dataset.shows).type = "password";
        box.checked = false;
      });
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
      window.setTimeout(release, 10000);
    });
  });
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) release();
  });
  var own = document.querySelector("[data-submits]");
  if (own && own.requestSubmit) {
    window.addEventListener("load", function () {
      own.requestSubmit();
    });
  }
  var wrong = document.querySelector(".note.bad,[aria-invalid]");
  if (wrong) wrong.focus();
})();
